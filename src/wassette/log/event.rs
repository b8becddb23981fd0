use std::time::Duration;

use super::line::LogLine;

/// What a line of Wassette's log means.
///
/// Where two layers of Wassette print the same thing, one of the two lines is the event and the other is
/// [`Other`](Self::Other), so that events can be counted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// It begins to serve.
    Started,
    /// It stops.
    Stopping,
    /// A component's function is called.
    Invoked {
        /// 0.2 does not print it.
        component: Option<&'a str>,
        /// The tool.
        tool: Option<&'a str>,
    },
    /// It came back. 0.2 prints this at level debug only.
    Returned {
        /// As with [`Invoked`](Self::Invoked).
        component: Option<&'a str>,
        /// The tool.
        tool: Option<&'a str>,
    },
    /// It failed. A [`ToolFailed`](Self::ToolFailed) follows.
    InvocationFailed {
        /// As with [`Invoked`](Self::Invoked).
        component: Option<&'a str>,
        /// The tool.
        tool: Option<&'a str>,
        /// Why.
        error: Option<&'a str>,
    },
    /// A call failed, of a component's function or of a tool that manages.
    ToolFailed {
        /// The tool.
        tool: Option<&'a str>,
        /// Why.
        error: Option<&'a str>,
    },
    /// A component is there.
    Loaded {
        /// 0.2 prints it only for those that it finds when it starts.
        component: Option<&'a str>,
        /// Where it came from; not printed for those that are found at the start.
        uri: Option<&'a str>,
        /// Printed only for those that are found at the start.
        took: Option<Duration>,
    },
    /// A component could not be loaded.
    LoadFailed {
        /// Where it was to come from.
        uri: Option<&'a str>,
        /// Why.
        error: Option<&'a str>,
    },
    /// A component is gone.
    Unloaded {
        /// Its id.
        component: Option<&'a str>,
    },
    /// A component could not be unloaded.
    UnloadFailed {
        /// Its id; 0.2 does not print it.
        component: Option<&'a str>,
        /// Why.
        error: Option<&'a str>,
    },
    /// A component's HTTP request was stopped by its policy.
    Blocked {
        /// Where it was to go.
        uri: Option<&'a str>,
    },
    /// Anything else.
    Other,
}

pub(super) fn of(line: &LogLine) -> Event<'_> {
    let error = line.field("error");
    let component = line.field("component_id");
    let tool = line.field("function_name").or_else(|| line.span_field("method_name"));
    match line.message.as_str() {
        "Calling function" | "Component function invocation started" => Event::Invoked { component, tool },
        "Component call successful" | "Component function invocation completed successfully" => {
            Event::Returned { component, tool }
        }
        "Component call failed" | "Component function invocation failed" => {
            Event::InvocationFailed { component, tool, error }
        }
        "Tool call failed" => Event::ToolFailed { tool, error },
        "HTTP request blocked by network policy" => Event::Blocked { uri: line.field("uri") },
        "MCP server shutting down" => Event::Stopping,
        text if text.starts_with("Starting MCP server ") => Event::Started,
        _ => lifecycle(line, component, error),
    }
}

fn lifecycle<'a>(line: &'a LogLine, component: Option<&'a str>, error: Option<&'a str>) -> Event<'a> {
    match line.message.as_str() {
        "Successfully loaded component" | "component loaded" => Event::Loaded {
            component,
            uri: line.span_field("uri"),
            took: line.field("elapsed").and_then(duration),
        },
        "Component unloaded successfully" if line.target.starts_with("wassette") => {
            Event::Unloaded { component }
        }
        "Failed to load component" | "Component load operation failed" => {
            Event::LoadFailed { uri: line.field("path"), error }
        }
        "Failed to unload component" | "Component unload operation failed" => {
            Event::UnloadFailed { component, error }
        }
        _ => Event::Other,
    }
}

/// What `Debug` prints of a duration.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let number: f64 = text[..unit].parse().ok()?;
    let seconds = match &text[unit..] {
        "s" => number,
        "ms" => number / 1e3,
        "µs" => number / 1e6,
        "ns" => number / 1e9,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}
