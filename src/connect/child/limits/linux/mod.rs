//! What Linux offers: resource limits, /proc, and cgroups.

mod cgroup;
mod prepared;
mod rlimit;
mod running;
mod tree;

pub(in crate::connect::child) use prepared::Prepared;
pub(in crate::connect::child) use running::Running;
