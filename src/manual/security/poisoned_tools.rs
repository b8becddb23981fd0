//! A tool that changes after it was approved, or poses as another.
//!
//! *The attack.* A description that was harmless when a person approved it tells the model something else next week (a
//! rug pull). A second server offers a tool of the same name, or of a name that looks the same, and gets the calls.
//!
//! *What stops it.* [`PinToolsLayer`](crate::layer::PinToolsLayer): name, title, description, schemas and annotations
//! of each tool are hashed when they are first seen, or taken from a lock file that people read, review and commit.
//! A definition that differs is blocked, held until somebody approves it, or reported, with what was and what is.
//! Names that can be taken for each other, on one server or on several, are told.
//!
//! *What is left.* What is bad from the start is pinned as it is: look at the lock file before you commit it. Results of
//! tools, and texts of resources and prompts, are not pinned; that they are data and no orders is the host's to keep.
