//! Calling, or learning of, what is denied.
//!
//! *The attack.* `Evil`, `evil\u0000`, `ｅｖｉｌ` for a denied `evil`, where the server is lax about names; a name that is
//! spelled with escapes; a call within a batch or a retry; a method called `tools/Call`; asking the list what there is
//! besides.
//!
//! *What stops it.* [`AccessControlLayer`](crate::layer::AccessControlLayer) with a [`Policy`](crate::policy::Policy):
//!
//! - **One decision for list and call.** What a client may call with no arguments at all is not in its lists; what is
//!   in its lists, some call may reach.
//! - **A denial matches whatever may be taken for the name** (case, width, invisible characters, what stands behind a
//!   NUL), **a permission matches the name alone.**
//! - A list that cannot be read is refused, not passed on in part. Of one that can, denied entries go and every other
//!   byte stays. A list that is filtered is not for everybody: it loses `cacheScope: "public"`.
//! - A denied tool is answered like one that does not exist (-32602), so that nobody learns that it does. Nothing
//!   reaches the server.
//! - It stands *below* everything that changes messages: below rules, interceptors and people. What comes out of those
//!   is what is judged.
//!
//! *Where to look when it is about you.* [`Policy::explain`](crate::policy::Policy::explain) tells which rule decided
//! and why; a dry run decides and lets pass.
//!
//! *What proves it.* The classes `policy_call` and `policy_list` of the corpus; properties over generated frames, whose
//! server never receives a denied call as serde_json, Node or Python would read it; the fuzz target `policy`, against a
//! naive implementation.
