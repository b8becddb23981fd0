use std::str::FromStr;

use serde_json::{Map, Value};

use super::{Access, BadPolicy, CpuLimit, MemoryLimit, NetworkRule, Policy, Resources, Rules, StorageRule};
use crate::wassette::PermissionKind;

/// At most so many rules stand in one list.
const MAX_RULES: usize = 4_096;

/// A value and the way to it.
#[derive(Clone)]
struct At<'a> {
    value: &'a Value,
    path: String,
}

pub(super) fn policy(value: &Value) -> Result<Policy, BadPolicy> {
    let top =
        At { value, path: String::new() }.object(&["version", "description", "permissions", "$schema"])?;
    let version = top.need("version")?;
    let permissions = top.need("permissions")?;
    if let Some(schema) = top.get("$schema") {
        schema.text()?;
    }
    let description = top.get("description").filter(|at| !at.value.is_null());
    let mut policy = Policy {
        version: version.version()?,
        description: description.map(|at| at.text().map(str::to_owned)).transpose()?,
        ..Policy::default()
    };
    if !permissions.value.is_null() {
        read_permissions(&mut policy, &permissions)?;
    }
    Ok(policy)
}

fn read_permissions(policy: &mut Policy, permissions: &At<'_>) -> Result<(), BadPolicy> {
    let known = ["storage", "network", "environment", "ipc", "resources", "runtime"];
    let permissions = permissions.object(&known)?;
    policy.storage = permissions.rules("storage", At::storage)?;
    policy.network = permissions.rules("network", At::network)?;
    policy.ipc = permissions.rules("ipc", At::ipc)?;
    if policy.network.deny.contains(&NetworkRule::Defaults) {
        let at = format!("{}.network.deny", permissions.path);
        return Err(BadPolicy::new(at, "`defaults` stands in `allow` only; name the hosts"));
    }
    if let Some(environment) = permissions.present("environment") {
        policy.environment = environment.object(&["allow"])?.list("allow", At::variable)?;
    }
    if let Some(resources) = permissions.present("resources") {
        policy.resources = resources.resources()?;
    }
    if let Some(runtime) = permissions.present("runtime") {
        runtime.object(&["docker", "wasm", "hyperlight"])?;
        policy.runtime = Some(runtime.value.to_string());
    }
    Ok(())
}

pub(super) fn grant(kind: PermissionKind, details: &Value) -> Result<Policy, BadPolicy> {
    let at = At { value: details, path: "details".to_owned() };
    let mut policy = Policy::new();
    match kind {
        PermissionKind::Storage => policy.storage.allow.push(at.storage()?),
        PermissionKind::Network => policy.network.allow.push(at.network()?),
        PermissionKind::Environment => policy.environment.push(at.variable()?),
        PermissionKind::Memory => {
            let limits = at.object(&["resources"])?.need("resources")?.object(&["limits"])?.need("limits")?;
            let memory = limits.object(&["memory"])?.need("memory")?;
            policy.resources.memory_limit = Some(memory.limit()?);
        }
    }
    Ok(policy)
}

/// An object whose fields are known.
struct Object<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> At<'a> {
    fn wrong(&self, why: impl Into<String>) -> BadPolicy {
        BadPolicy::new(self.path.clone(), why)
    }

    fn object(&self, known: &[&str]) -> Result<Object<'a>, BadPolicy> {
        let Value::Object(map) = self.value else { return Err(self.wrong("expected a mapping")) };
        if let Some(unknown) = map.keys().find(|key| !known.contains(&key.as_str())) {
            let known = known.join(", ");
            let why = format!("unknown field `{unknown}`, expected one of {known}; correct or remove it");
            return Err(self.wrong(why));
        }
        Ok(Object { map, path: self.path.clone() })
    }

    fn text(&self) -> Result<&'a str, BadPolicy> {
        self.value.as_str().ok_or_else(|| self.wrong("expected a text; put it in quotes"))
    }

    fn parsed<T: FromStr<Err = &'static str>>(&self) -> Result<T, BadPolicy> {
        self.text()?.parse().map_err(|why: &str| self.wrong(why))
    }

    fn items(&self) -> Result<Vec<Self>, BadPolicy> {
        let Value::Array(items) = self.value else { return Err(self.wrong("expected a list")) };
        if items.len() > MAX_RULES {
            return Err(self.wrong(format!("a list has at most {MAX_RULES} entries")));
        }
        let item = |(at, value)| At { value, path: format!("{}[{at}]", self.path) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    fn version(&self) -> Result<String, BadPolicy> {
        let text = self.text()?;
        let minor = text.strip_prefix("1.").filter(|minor| !minor.is_empty());
        match minor.is_some_and(|minor| minor.bytes().all(|byte| byte.is_ascii_digit())) {
            true => Ok(text.to_owned()),
            false => Err(self.wrong("only versions 1.x of the format are known, such as \"1.0\"")),
        }
    }

    fn storage(&self) -> Result<StorageRule, BadPolicy> {
        let rule = self.object(&["uri", "access"])?;
        let words = rule.need("access")?;
        let mut access = Vec::new();
        for word in words.items()? {
            let way = match word.text()? {
                "read" => Access::Read,
                "write" => Access::Write,
                _ => return Err(word.wrong("access is `read` or `write`")),
            };
            if access.contains(&way) {
                return Err(word.wrong("stands twice; remove one"));
            }
            access.push(way);
        }
        if access.is_empty() {
            return Err(words.wrong("name `read`, `write` or both"));
        }
        Ok(StorageRule { uri: rule.need("uri")?.parsed()?, access })
    }

    fn network(&self) -> Result<NetworkRule, BadPolicy> {
        let rule = self.object(&["host", "cidr", "defaults"])?;
        match (rule.get("host"), rule.get("cidr"), rule.get("defaults")) {
            (Some(host), None, None) => host.parsed().map(NetworkRule::Host),
            (None, Some(cidr), None) => cidr.parsed().map(NetworkRule::Cidr),
            (None, None, Some(defaults)) if *defaults.value == Value::Bool(true) => Ok(NetworkRule::Defaults),
            (None, None, Some(defaults)) => Err(defaults.wrong("`defaults` is true, or left out")),
            _ => Err(self.wrong("expected just one of host, cidr, defaults")),
        }
    }

    fn variable(&self) -> Result<String, BadPolicy> {
        let key = self.object(&["key"])?.need("key")?;
        let text = key.text()?;
        let bad = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '*' | '=');
        match text.is_empty() || text.contains(bad) {
            true => Err(key.wrong("the name of a variable has no `*`, `=` and blanks, and is not empty")),
            false => Ok(text.to_owned()),
        }
    }

    fn ipc(&self) -> Result<String, BadPolicy> {
        let uri = self.object(&["uri"])?.need("uri")?;
        match uri.text()? {
            "" => Err(uri.wrong("the URI of a channel is not empty")),
            text if text.contains(char::is_control) => Err(uri.wrong("a URI has no control characters")),
            text => Ok(text.to_owned()),
        }
    }

    fn resources(&self) -> Result<Resources, BadPolicy> {
        let object = self.object(&["cpu", "memory", "io", "limits"])?;
        let count = |at: At<'_>| at.value.as_u64().ok_or_else(|| at.wrong("expected an integer from 0 on"));
        let share = |at: At<'_>| {
            let share = at.value.as_f64().filter(|share| (0.0..=100.0).contains(share));
            share.ok_or_else(|| at.wrong("expected a number from 0 to 100, per cent"))
        };
        let limits = object.present("limits").map(|at| at.object(&["cpu", "memory"])).transpose()?;
        let limit = |name: &str| limits.as_ref().and_then(|limits| limits.present(name));
        Ok(Resources {
            cpu: object.present("cpu").map(share).transpose()?,
            memory: object.present("memory").map(count).transpose()?,
            io: object.present("io").map(count).transpose()?,
            cpu_limit: limit("cpu").map(|at| at.limit::<CpuLimit>()).transpose()?,
            memory_limit: limit("memory").map(|at| at.limit::<MemoryLimit>()).transpose()?,
        })
    }

    /// A limit may be written as a bare number too.
    fn limit<T: FromStr<Err = &'static str>>(&self) -> Result<T, BadPolicy> {
        match self.value {
            Value::Number(number) => number.to_string().parse().map_err(|why: &str| self.wrong(why)),
            _ => self.parsed(),
        }
    }
}

impl<'a> Object<'a> {
    fn get(&self, name: &str) -> Option<At<'a>> {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        self.map.get(name).map(|value| At { value, path })
    }

    /// The field, unless it is null: YAML writes an empty one so.
    fn present(&self, name: &str) -> Option<At<'a>> {
        self.get(name).filter(|at| !at.value.is_null())
    }

    fn need(&self, name: &str) -> Result<At<'a>, BadPolicy> {
        self.get(name)
            .ok_or_else(|| BadPolicy::new(self.path.clone(), format!("`{name}` is missing; add it")))
    }

    fn list<T>(&self, name: &str, one: fn(&At<'a>) -> Result<T, BadPolicy>) -> Result<Vec<T>, BadPolicy> {
        let items = self.present(name).map(|at| at.items()).transpose()?.unwrap_or_default();
        items.iter().map(one).collect()
    }

    fn rules<T>(&self, name: &str, one: fn(&At<'a>) -> Result<T, BadPolicy>) -> Result<Rules<T>, BadPolicy> {
        let Some(at) = self.present(name) else { return Ok(Rules::default()) };
        let lists = at.object(&["allow", "deny"])?;
        Ok(Rules { allow: lists.list("allow", one)?, deny: lists.list("deny", one)? })
    }
}
