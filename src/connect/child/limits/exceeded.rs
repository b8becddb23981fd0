//! Which limit was exceeded, and how far.

use std::fmt;
use std::time::Duration;

/// Completes the sentence "the command …".
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nothing is limited there"))]
pub(in crate::connect::child) enum Exceeded {
    /// Bytes; how many were taken is not known where the kernel stepped in.
    Memory {
        allowed: u64,
        used: Option<u64>,
    },
    /// How much was taken is not known where the kernel was faster than the watch.
    CpuTime {
        allowed: Duration,
        used: Option<Duration>,
    },
    Processes {
        allowed: u64,
        used: u64,
    },
    /// How many there would be is not known where the kernel refused them.
    Tasks {
        allowed: u64,
        used: Option<u64>,
    },
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { allowed, used: Some(used) } => write!(
                f,
                "exceeded its memory limit of {} by {}",
                Bytes(*allowed),
                Bytes(used.saturating_sub(*allowed))
            ),
            Self::Memory { allowed, used: None } => {
                write!(f, "exceeded its memory limit of {}: the kernel killed it", Bytes(*allowed))
            }
            Self::CpuTime { allowed, used: Some(used) } => {
                write!(f, "exceeded its CPU time limit of {allowed:?} by {:?}", used.saturating_sub(*allowed))
            }
            Self::CpuTime { allowed, used: None } => {
                write!(f, "exceeded its CPU time limit of {allowed:?}: the kernel ended it")
            }
            Self::Processes { allowed, used } => {
                write!(f, "exceeded its limit of {allowed} processes: there were {used}")
            }
            Self::Tasks { allowed, used: Some(used) } => {
                write!(f, "exceeded its limit of {allowed} tasks: there were {used}")
            }
            Self::Tasks { allowed, used: None } => {
                write!(f, "exceeded its limit of {allowed} tasks: the kernel refused it another")
            }
        }
    }
}

/// In the unit that people read; the last digits are of no use to them.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = |unit: u64| {
            let tenths = u128::from(self.0) * 10 / u128::from(unit);
            (tenths / 10, tenths % 10)
        };
        let ((whole, tenth), unit) = match self.0 {
            0..1024 => return write!(f, "{} bytes", self.0),
            1024..0x10_0000 => (tenths(1 << 10), "KiB"),
            0x10_0000..0x4000_0000 => (tenths(1 << 20), "MiB"),
            _ => (tenths(1 << 30), "GiB"),
        };
        match tenth {
            0 => write!(f, "{whole} {unit}"),
            _ => write!(f, "{whole}.{tenth} {unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excess_is_told_in_units_that_people_read() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (256 << 20, "256 MiB"),
            ((1 << 30) - 1, "1023.9 MiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        let memory = Exceeded::Memory { allowed: 64 << 20, used: Some(96 << 20) };
        assert_eq!(memory.to_string(), "exceeded its memory limit of 64 MiB by 32 MiB");
    }
}
