//! How the versions of Wassette differ: command line, endpoints, and what breaks them.

mod command;
mod detect;
mod readable;
mod shape;
mod understand;
mod version;

pub use command::{Endpoint, FixedAddress, Output, Transport};
pub use detect::UnknownDialect;
pub use understand::Refusal;
pub use version::{UnreadableVersion, Version};

/// The way a version of Wassette is talked to.
///
/// It is found by [`for_version`](Self::for_version), by [`from_help`](Self::from_help), or simply named.
///
/// ```
/// use shadowcat::wassette::{Dialect, Endpoint, Transport, Version};
///
/// let old = Dialect::for_version(&"0.2.0".parse::<Version>()?)?;
/// assert_eq!(old, Dialect::V0_2);
/// assert_eq!(old.stdio_args(), ["serve", "--stdio"]);
/// assert_eq!(old.component_dir_flag(), "--plugin-dir");
/// assert_eq!(old.endpoint(), Endpoint::Sse { path: "/sse" });
/// assert!(old.goes_deaf());
///
/// let new = Dialect::for_version(&"0.8.0".parse::<Version>()?)?;
/// assert_eq!(new.http_args(Some("127.0.0.1:0"))?, ["serve", "--streamable-http", "--bind-address", "127.0.0.1:0"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Dialect {
    /// 0.2.0: `serve --stdio`, `serve --http` for HTTP+SSE, `--plugin-dir`. Built on rmcp 0.2.
    V0_2,
    /// 0.3.0: as 0.2, with `--sse` for `--http`, and `--streamable-http`. Built on rmcp 0.5.
    V0_3,
    /// Builds between 0.3.0 and 0.5.0: as 0.3, with `--component-dir` for `--plugin-dir`, and `--bind-address`.
    V0_4,
    /// 0.5 and 0.6: `run` for stdio, `serve` for Streamable HTTP only.
    V0_5,
    /// 0.7 and 0.8: as 0.5, with `--allowed-host`; serves the revision 2026-07-28 too.
    V0_8,
}

impl Dialect {
    /// Every dialect known here, oldest first.
    pub const ALL: [Self; 5] = [Self::V0_2, Self::V0_3, Self::V0_4, Self::V0_5, Self::V0_8];

    /// One message that it cannot parse, and it never answers anything again, though its process stays alive.
    /// What [`understands`](Self::understands) refuses must then not be sent.
    ///
    /// *Seen* in 0.2; 0.3 has the same loop in its source. For the builds from there to 0.6 it is assumed.
    pub fn goes_deaf(self) -> bool {
        self < Self::V0_8
    }

    /// Ids beyond 2³²−1 come back changed, and negative ones are not understood: send small ids of your own.
    ///
    /// *Seen* in 0.2; 0.3 reads ids alike in its source. For the builds from there to 0.6 it is assumed.
    pub fn mangles_ids(self) -> bool {
        self < Self::V0_8
    }

    /// Whether it exits when its stdin closes: no known version does. End it with a signal.
    pub fn exits_on_eof(self) -> bool {
        false
    }

    /// Whether `method` is answered with error −32700 whatever its params are, `{}` too. The server has no prompts
    /// and no resources; an empty list is the answer that it means.
    pub fn always_fails(self, method: &str) -> bool {
        self == Self::V0_2 && matches!(method, "prompts/list" | "resources/list")
    }

    /// Whether `load-component` of a file that is in the component directory already empties that file: it is copied
    /// onto itself. A component that is empty keeps every later start from succeeding.
    ///
    /// *Seen* in 0.2; assumed up to 0.4.
    pub fn empties_own_files(self) -> bool {
        self < Self::V0_5
    }

    /// Whether it refuses requests whose `Host` header is neither loopback nor named by `--allowed-host`, with
    /// status 403.
    pub fn checks_host(self) -> bool {
        self >= Self::V0_5
    }

    /// Whether it serves the revision 2026-07-28 beside the older ones.
    pub fn is_modern(self) -> bool {
        self >= Self::V0_8
    }
}
