//! Which limit is held, and by what.

use std::fmt;

/// What holds a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Enforcement {
    /// The kernel, for all processes together.
    Cgroup,
    /// The kernel, for each process.
    Rlimit,
    /// A look at all processes every now and then; what exceeds it is killed.
    Watch,
    /// Nothing, and why.
    NotEnforced(String),
}

/// For each limit that was asked for, what holds it; `None` for the others.
///
/// ```
/// use shadowcat::connect::Enforced;
///
/// let nothing = Enforced::default();
/// assert!(nothing.is_complete());
/// assert_eq!(nothing.to_string(), "no limits");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enforced {
    /// Resident memory of all processes.
    pub memory: Option<Enforcement>,
    /// CPU time of all processes.
    pub cpu_time: Option<Enforcement>,
    /// Processes at a time.
    pub processes: Option<Enforcement>,
    /// Threads at a time.
    pub tasks: Option<Enforcement>,
    /// Descriptors of each process.
    pub open_files: Option<Enforcement>,
    /// Address space of each process.
    pub address_space: Option<Enforcement>,
    /// That nobody leaves a core dump.
    pub core_dumps: Option<Enforcement>,
}

impl Enforced {
    /// Whether everything that was asked for is held.
    pub fn is_complete(&self) -> bool {
        self.missing().is_none()
    }

    /// The first limit that nothing holds, and why.
    pub(super) fn missing(&self) -> Option<(&'static str, &str)> {
        self.each().into_iter().find_map(|(name, held)| match held {
            Some(Enforcement::NotEnforced(why)) => Some((name, why.as_str())),
            _ => None,
        })
    }

    fn each(&self) -> [(&'static str, Option<&Enforcement>); 7] {
        [
            ("memory", self.memory.as_ref()),
            ("CPU time", self.cpu_time.as_ref()),
            ("processes", self.processes.as_ref()),
            ("tasks", self.tasks.as_ref()),
            ("open files", self.open_files.as_ref()),
            ("address space", self.address_space.as_ref()),
            ("core dumps", self.core_dumps.as_ref()),
        ]
    }
}

impl fmt::Display for Enforced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.each().into_iter().filter_map(|(name, held)| Some((name, held?)));
        let mut separator = "";
        for (name, held) in held {
            write!(f, "{separator}{name}: {held}")?;
            separator = ", ";
        }
        if separator.is_empty() { f.write_str("no limits") } else { Ok(()) }
    }
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cgroup => f.write_str("cgroup"),
            Self::Rlimit => f.write_str("rlimit"),
            Self::Watch => f.write_str("watch"),
            Self::NotEnforced(why) => write!(f, "not enforced ({why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_what_was_asked_for_and_what_is_missing() {
        let report = Enforced {
            memory: Some(Enforcement::Cgroup),
            open_files: Some(Enforcement::NotEnforced("no".into())),
            ..Enforced::default()
        };
        assert_eq!(report.to_string(), "memory: cgroup, open files: not enforced (no)");
        assert!(!report.is_complete());
        assert_eq!(report.missing(), Some(("open files", "no")));
    }
}
