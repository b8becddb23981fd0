use std::fmt;
use std::str::FromStr;

/// Limits of what may be used; `None` is no limit.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Resources {
    /// Of the processor, in per cent, 0 to 100 (policy-mcp).
    pub cpu: Option<f64>,
    /// Of memory, in megabytes (policy-mcp).
    pub memory: Option<u64>,
    /// Of input and output, in operations per second (policy-mcp).
    pub io: Option<u64>,
    /// Of the processor (Wassette 0.3 on, `limits.cpu`).
    pub cpu_limit: Option<CpuLimit>,
    /// Of memory (Wassette 0.3 on, `limits.memory`).
    pub memory_limit: Option<MemoryLimit>,
}

/// A share of processors as Kubernetes writes it: `500m` or `1.5`.
///
/// ```
/// use shadowcat::wassette::policy::CpuLimit;
///
/// assert_eq!("1.5".parse::<CpuLimit>()?.millis(), "1500m".parse::<CpuLimit>()?.millis());
/// # Ok::<(), &'static str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuLimit {
    text: Box<str>,
    millis: u64,
}

impl CpuLimit {
    /// In thousandths of a processor.
    pub fn millis(&self) -> u64 {
        self.millis
    }
}

impl FromStr for CpuLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let form = "a limit of processors is written as 500m, 1 or 1.5";
        let millis = match text.strip_suffix('m') {
            Some(millis) => digits(millis),
            None => {
                let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
                let part =
                    digits(part).filter(|_| part.len() <= 3).map(|n| n * 10_u64.pow(3 - part.len() as u32));
                digits(whole).and_then(|whole| whole.checked_mul(1_000)?.checked_add(part?))
            }
        };
        Ok(Self { text: text.into(), millis: millis.ok_or(form)? })
    }
}

/// An amount of memory as Kubernetes writes it: `512Mi`, `1G`, or bytes.
///
/// ```
/// use shadowcat::wassette::policy::MemoryLimit;
///
/// assert_eq!("512Mi".parse::<MemoryLimit>()?.bytes(), 512 << 20);
/// # Ok::<(), &'static str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    text: Box<str>,
    bytes: u64,
}

impl MemoryLimit {
    /// In bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl FromStr for MemoryLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let factor: Option<u64> = match &text[unit..] {
            "" => Some(1),
            "k" => Some(1_000),
            "M" => Some(1_000_000),
            "G" => Some(1_000_000_000),
            "T" => Some(1_000_000_000_000),
            "Ki" => Some(1 << 10),
            "Mi" => Some(1 << 20),
            "Gi" => Some(1 << 30),
            "Ti" => Some(1 << 40),
            _ => None,
        };
        let bytes = digits(&text[..unit]).and_then(|number| number.checked_mul(factor?));
        let bytes = bytes.ok_or("a limit of memory is written as 512Mi, 1Gi, 500M or in bytes")?;
        Ok(Self { text: text.into(), bytes })
    }
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for CpuLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
