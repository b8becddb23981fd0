use super::Dialect;

/// How Wassette is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// A child process with pipes.
    Stdio,
    /// A server on a socket.
    Http,
}

/// The HTTP endpoint that a client opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// HTTP+SSE of revision 2024-11-05: a GET here tells in its first event where to POST.
    Sse {
        /// The path to GET.
        path: &'static str,
    },
    /// Streamable HTTP.
    Streamable {
        /// The one path.
        path: &'static str,
    },
}

impl Endpoint {
    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Sse { path } | Self::Streamable { path } => path,
        }
    }
}

/// Where a process prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a process has these two")]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// This dialect listens on [`Dialect::DEFAULT_ADDRESS`] and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this version of wassette listens on {} only, not on {asked}", Dialect::DEFAULT_ADDRESS)]
#[non_exhaustive]
pub struct FixedAddress {
    /// What was asked for.
    pub asked: String,
}

impl Dialect {
    /// Where HTTP listens unless told otherwise.
    pub const DEFAULT_ADDRESS: &'static str = "127.0.0.1:9001";

    /// The arguments that serve stdio.
    pub fn stdio_args(self) -> &'static [&'static str] {
        if self >= Self::V0_5 { &["run"] } else { &["serve", "--stdio"] }
    }

    /// The arguments that serve HTTP at `bind` (`host:port`), or at [`DEFAULT_ADDRESS`](Self::DEFAULT_ADDRESS).
    ///
    /// # Errors
    ///
    /// The dialect cannot listen at another address than the default one.
    pub fn http_args(self, bind: Option<&str>) -> Result<Vec<String>, FixedAddress> {
        let flag = if self == Self::V0_2 { "--http" } else { "--streamable-http" };
        let mut args = vec!["serve".to_owned(), flag.to_owned()];
        match bind {
            Some(asked) if self.binds() => args.extend(["--bind-address".to_owned(), asked.to_owned()]),
            Some(asked) if asked != Self::DEFAULT_ADDRESS => {
                return Err(FixedAddress { asked: asked.to_owned() });
            }
            _ => {}
        }
        Ok(args)
    }

    /// Whether HTTP can listen at another address than [`DEFAULT_ADDRESS`](Self::DEFAULT_ADDRESS).
    pub fn binds(self) -> bool {
        self >= Self::V0_4
    }

    /// The flag that names the directory of components; it goes behind the arguments that serve.
    pub fn component_dir_flag(self) -> &'static str {
        if self >= Self::V0_4 { "--component-dir" } else { "--plugin-dir" }
    }

    /// What the names of Wassette's own environment variables start with. The tag 0.2.0 reads none; the builds
    /// right after it read this prefix, with one `s`.
    pub fn env_prefix(self) -> &'static str {
        if self == Self::V0_2 { "WASETTE_" } else { "WASSETTE_" }
    }

    /// The flag that hides the tools that manage components, if there is one.
    pub fn no_builtin_tools_flag(self) -> Option<&'static str> {
        (self >= Self::V0_4).then_some("--disable-builtin-tools")
    }

    /// The flag that adds a value that `Host` may have, if there is one.
    pub fn allowed_host_flag(self) -> Option<&'static str> {
        (self >= Self::V0_8).then_some("--allowed-host")
    }

    /// The endpoint that [`http_args`](Self::http_args) opens.
    pub fn endpoint(self) -> Endpoint {
        match self {
            Self::V0_2 => Endpoint::Sse { path: "/sse" },
            _ => Endpoint::Streamable { path: "/mcp" },
        }
    }

    /// Where its log goes; [`log`](crate::wassette::log) reads it.
    pub fn log_output(self, transport: Transport) -> Output {
        match transport {
            Transport::Stdio => Output::Stderr,
            Transport::Http => Output::Stdout,
        }
    }
}
