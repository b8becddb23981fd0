//! Where in the life of a call a message stands.

use super::Interception;
use crate::message::{Direction, Kind};
use crate::protocol::{method, peek};
use crate::wassette::ManagementTool;

/// Where in the life of a tool, a component, a resource a message stands.
///
/// *Pre* is the request, *post* its response; for what the server asks of the client, that is the server's request and
/// the client's answer. From 2026-07-28 on, a server asks by a result ([`InputRequired`](Self::InputRequired)), and
/// is answered by the same request once more ([`InputGiven`](Self::InputGiven)).
///
/// ```
/// use shadowcat::layer::intercept::{Action, Chain, Interest, Point, on};
///
/// let chain = Chain::new();
/// chain.add("loads", on(Interest::requests().method("tools/call"), |seen| match seen.point() {
///     Point::PreComponentLoad => Action::Hold(shadowcat::layer::intercept::Held::never()),
///     _ => Action::Continue,
/// }))?;
/// # Ok::<(), shadowcat::layer::intercept::NameTaken>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Point {
    /// Wassette is asked to load a component.
    PreComponentLoad,
    /// It has answered that.
    PostComponentLoad,
    /// Wassette is asked to show or change what a component may do.
    PolicyCheck,
    /// A tool is called.
    PreToolCall,
    /// It has answered; so has one of those that show or change policies.
    PostToolCall,
    /// Tools, prompts, resources or templates are listed.
    PreList,
    /// The list.
    PostList,
    /// A resource is read.
    PreRead,
    /// What it holds.
    PostRead,
    /// A prompt is asked for.
    PrePrompt,
    /// The prompt.
    PostPrompt,
    /// The server asks for a sample of the client's model.
    PreSampling,
    /// The sample.
    PostSampling,
    /// The server asks the user.
    PreElicitation,
    /// The user's answer.
    PostElicitation,
    /// The server needs input before it goes on.
    InputRequired,
    /// A request comes again, with the input.
    InputGiven,
    /// Anything else.
    Other,
}

impl Point {
    pub(super) fn of(seen: &Interception) -> Self {
        let message = seen.message();
        match (message.kind(), seen.direction()) {
            (Kind::Notification, _) => Self::Other,
            (Kind::Request, Direction::ToUpstream) if holds(message.params(), "inputResponses") => {
                Self::InputGiven
            }
            (Kind::Response, Direction::ToClient) if asks(message.result()) => Self::InputRequired,
            (Kind::Request, _) => Self::before(seen),
            (Kind::Response, _) => Self::after(seen),
        }
    }

    fn before(seen: &Interception) -> Self {
        match seen.method() {
            Some(method::TOOLS_CALL) => match management(seen) {
                Some(ManagementTool::LoadComponent) => Self::PreComponentLoad,
                Some(tool) if is_about_policy(tool) => Self::PolicyCheck,
                _ => Self::PreToolCall,
            },
            Some(method) if is_list(method) => Self::PreList,
            Some(method::RESOURCES_READ) => Self::PreRead,
            Some(method::PROMPTS_GET) => Self::PrePrompt,
            Some(method::CREATE_MESSAGE) => Self::PreSampling,
            Some(method::ELICIT) => Self::PreElicitation,
            _ => Self::Other,
        }
    }

    fn after(seen: &Interception) -> Self {
        match Self::before(seen) {
            Self::PreComponentLoad => Self::PostComponentLoad,
            Self::PreToolCall | Self::PolicyCheck => Self::PostToolCall,
            Self::PreList => Self::PostList,
            Self::PreRead => Self::PostRead,
            Self::PrePrompt => Self::PostPrompt,
            Self::PreSampling => Self::PostSampling,
            Self::PreElicitation => Self::PostElicitation,
            other => other,
        }
    }
}

fn management(seen: &Interception) -> Option<ManagementTool> {
    ManagementTool::from_name(&peek::tool_name(seen.request()?).ok()??)
}

fn is_about_policy(tool: ManagementTool) -> bool {
    !matches!(
        tool,
        ManagementTool::LoadComponent
            | ManagementTool::UnloadComponent
            | ManagementTool::ListComponents
            | ManagementTool::SearchComponents
    )
}

fn is_list(method: &str) -> bool {
    [method::TOOLS_LIST, method::PROMPTS_LIST, method::RESOURCES_LIST, method::RESOURCES_TEMPLATES_LIST]
        .contains(&method)
}

fn holds(json: Option<&[u8]>, key: &str) -> bool {
    json.is_some_and(|json| !matches!(peek::member(json, key), Ok(None)))
}

fn asks(result: Option<&[u8]>) -> bool {
    result.is_some_and(
        |result| matches!(peek::text(result, "resultType"), Ok(Some(kind)) if kind == "input_required"),
    )
}
