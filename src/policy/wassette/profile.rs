use std::path::PathBuf;
use std::sync::Arc;

use super::source::Found;
use super::{Effective, FileCheck, Refusal, Source, arguments};
use crate::message::folded;
use crate::wassette::policy::Policy;
use crate::wassette::{ComponentMap, ComponentUri, ManagementTool, UriParts};

/// Which of the tools that manage may be called, and for what. See the [module](super).
#[derive(Clone, Debug)]
pub struct Profile {
    tools: Vec<ManagementTool>,
    sources: Vec<Source>,
    ceiling: Arc<Policy>,
}

/// What a [`Profile`] says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Judged {
    /// The tool is a component's own: it is not for the profile to say.
    NotManaging,
    /// It may be called so.
    Allow(ManagementTool),
    /// It may, if this file has one of these digests; then Wassette reads it again.
    Check(FileCheck),
    /// It may not.
    Refuse(Refusal),
}

impl Default for Profile {
    fn default() -> Self {
        Self::new()
    }
}

impl Profile {
    /// Only what reads is allowed, nothing may be loaded, and nothing granted.
    pub fn new() -> Self {
        let tools = ManagementTool::ALL.into_iter().filter(|tool| !tool.is_mutating()).collect();
        Self { tools, sources: Vec::new(), ceiling: Arc::new(Policy::new()) }
    }

    /// Allows one tool more. `load-component` also needs a [source](Self::source), a grant also a
    /// [ceiling](Self::ceiling).
    ///
    /// What takes permissions back cannot widen them, with one exception: `reset-permission` also takes a limit of
    /// memory away, which `grant-memory-permission` set.
    pub fn allow(mut self, tool: ManagementTool) -> Self {
        if !self.tools.contains(&tool) {
            self.tools.push(tool);
        }
        self
    }

    /// Denies a tool.
    pub fn deny(mut self, tool: ManagementTool) -> Self {
        self.tools.retain(|allowed| *allowed != tool);
        self
    }

    /// Components may be loaded from here too.
    pub fn source(mut self, source: Source) -> Self {
        self.sources.push(source);
        self
    }

    /// What may be granted to a component at most, whichever it is: what [`Policy::permits_grant`].
    pub fn ceiling(mut self, ceiling: Policy) -> Self {
        self.ceiling = Arc::new(ceiling);
        self
    }

    /// Whether the tool may be called at all.
    pub fn is_allowed(&self, tool: ManagementTool) -> bool {
        self.tools.contains(&tool)
    }

    /// Whether a tool of this name is denied whatever its arguments are, so that no list shows it.
    ///
    /// ```
    /// use shadowcat::policy::wassette::Profile;
    ///
    /// let profile = Profile::new();
    /// assert!(profile.hides("load-component") && profile.hides("LOAD-COMPONENT") && profile.hides("grant-x-permission"));
    /// assert!(!profile.hides("list-components") && !profile.hides("read-file"));
    /// ```
    pub fn hides(&self, name: &str) -> bool {
        match ManagementTool::from_name(name) {
            Some(tool) => !self.is_allowed(tool),
            None => looks_managing(name),
        }
    }

    /// What is said of a call of `name` with these arguments, raw JSON of a message that was scanned strictly.
    ///
    /// Nothing is read from disk for it: whoever asks does the [check](Judged::Check).
    pub fn judge(&self, name: &str, arguments: Option<&[u8]>) -> Judged {
        if self.hides(name) {
            return Judged::Refuse(Refusal::NotAllowed);
        }
        let Some(tool) = ManagementTool::from_name(name) else { return Judged::NotManaging };
        match self.judge_tool(tool, arguments) {
            Ok(None) => Judged::Allow(tool),
            Ok(Some(check)) => Judged::Check(check),
            Err(refusal) => Judged::Refuse(refusal),
        }
    }

    fn judge_tool(
        &self,
        tool: ManagementTool,
        arguments: Option<&[u8]>,
    ) -> Result<Option<FileCheck>, Refusal> {
        use ManagementTool as Tool;
        match tool {
            Tool::LoadComponent => return self.judge_uri(&arguments::uri(arguments)?),
            Tool::ListComponents => arguments::none(arguments)?,
            Tool::SearchComponents => arguments::any(arguments)?,
            Tool::UnloadComponent | Tool::GetPolicy | Tool::ResetPermission => {
                arguments::component(arguments, tool.component_argument().unwrap_or_default())?;
            }
            Tool::GrantStorage | Tool::GrantNetwork | Tool::GrantEnvironment | Tool::GrantMemory => {
                self.judge_grant(tool, arguments)?;
            }
            Tool::RevokeStorage | Tool::RevokeNetwork | Tool::RevokeEnvironment => {
                let kind = tool.permission().ok_or(Refusal::NotAllowed)?;
                arguments::revocation(arguments, kind)?;
            }
        }
        Ok(None)
    }

    fn judge_grant(&self, tool: ManagementTool, arguments: Option<&[u8]>) -> Result<(), Refusal> {
        let details = arguments::grant(arguments)?;
        let kind = tool.permission().ok_or(Refusal::NotAllowed)?;
        let excess = self.ceiling.excess_of_grant(kind, details);
        let excess = excess.map_err(|why| Refusal::Arguments(why.to_string()))?;
        if excess.is_empty() { Ok(()) } else { Err(Refusal::Exceeds(excess)) }
    }

    /// The first source that takes it as it is; else what may still come of one; else why none does.
    fn judge_uri(&self, uri: &ComponentUri) -> Result<Option<FileCheck>, Refusal> {
        let (mut why, mut check) = (Refusal::NoSource, None);
        for source in &self.sources {
            match source.judge(uri) {
                Found::Other => {}
                Found::Load => return Ok(None),
                Found::Check(digests) => check.get_or_insert_with(Vec::new).extend(digests),
                Found::Refuse(refusal) => why = refusal,
            }
        }
        match (check, uri.parts()) {
            (Some(digests), UriParts::File { path }) => {
                Ok(Some(FileCheck { path: PathBuf::from(path), digests }))
            }
            _ => Err(why),
        }
    }

    /// What a component may do, as far as the map knows it.
    pub fn effective(&self, map: &ComponentMap, component: &str) -> Effective {
        Effective::of(&self.ceiling, map, component)
    }

    /// What may be granted at most.
    pub fn ceiling_policy(&self) -> &Policy {
        &self.ceiling
    }
}

/// Whether somebody who reads laxly takes the name for one of a tool that manages, now or in a later version.
fn looks_managing(name: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let manages = |name: &str| {
        let changes = name.starts_with("grant-") || name.starts_with("revoke-");
        ManagementTool::from_name(name).is_some() || (changes && name.ends_with("-permission"))
    };
    if name.bytes().all(is_plain) { manages(name) } else { manages(&folded(name)) }
}
