//! The crate's own layers and tower's, alone and in stacks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod check_params;
mod layer_order;
mod layers;
mod on_requests;
mod stock_layers;
mod timeout_layer;
mod validate;
