//! Names of methods.

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*
    };
}

methods! {
    /// Opens a legacy session.
    INITIALIZE = "initialize";
    /// Tells the server that the legacy session is open.
    INITIALIZED = "notifications/initialized";
    /// Asks a modern server what it can do.
    DISCOVER = "server/discover";
    /// Opens the stream of what a modern server says unasked.
    LISTEN = "subscriptions/listen";
    /// Opens that stream's first message.
    ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
    /// Are you there?
    PING = "ping";
    /// Names the tools.
    TOOLS_LIST = "tools/list";
    /// Calls a tool.
    TOOLS_CALL = "tools/call";
    /// The tools changed.
    TOOLS_LIST_CHANGED = "notifications/tools/list_changed";
    /// Names the prompts.
    PROMPTS_LIST = "prompts/list";
    /// Fills in a prompt.
    PROMPTS_GET = "prompts/get";
    /// Names the resources.
    RESOURCES_LIST = "resources/list";
    /// Names the templates of resources.
    RESOURCES_TEMPLATES_LIST = "resources/templates/list";
    /// Reads a resource.
    RESOURCES_READ = "resources/read";
    /// Watches a resource (legacy).
    RESOURCES_SUBSCRIBE = "resources/subscribe";
    /// Stops watching it (legacy).
    RESOURCES_UNSUBSCRIBE = "resources/unsubscribe";
    /// A watched resource changed.
    RESOURCES_UPDATED = "notifications/resources/updated";
    /// Completes an argument.
    COMPLETE = "completion/complete";
    /// Sets the level of a legacy session's logs.
    SET_LEVEL = "logging/setLevel";
    /// The server asks the client's model.
    CREATE_MESSAGE = "sampling/createMessage";
    /// The server asks the client's user.
    ELICIT = "elicitation/create";
    /// The server asks for the client's roots.
    ROOTS_LIST = "roots/list";
    /// A log line.
    LOG = "notifications/message";
    /// How far a request has come.
    PROGRESS = "notifications/progress";
    /// Its sender does not want an answer any more.
    CANCELLED = "notifications/cancelled";
}

/// What MCP calls its methods, in any revision.
pub(crate) const ALL: [&str; 35] = [
    INITIALIZE,
    INITIALIZED,
    DISCOVER,
    LISTEN,
    ACKNOWLEDGED,
    PING,
    TOOLS_LIST,
    TOOLS_CALL,
    TOOLS_LIST_CHANGED,
    PROMPTS_LIST,
    PROMPTS_GET,
    RESOURCES_LIST,
    RESOURCES_TEMPLATES_LIST,
    RESOURCES_READ,
    RESOURCES_SUBSCRIBE,
    RESOURCES_UNSUBSCRIBE,
    RESOURCES_UPDATED,
    COMPLETE,
    SET_LEVEL,
    CREATE_MESSAGE,
    ELICIT,
    ROOTS_LIST,
    LOG,
    PROGRESS,
    CANCELLED,
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/roots/list_changed",
    "notifications/elicitation/complete",
    "notifications/tasks/status",
    "tasks/get",
    "tasks/result",
    "tasks/list",
    "tasks/cancel",
    "tasks/update",
];
