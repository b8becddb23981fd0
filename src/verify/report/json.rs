//! A report as JSON.

use serde_json::{Value, json};

use super::{Call, Finding, Report};

pub(super) fn report(report: &Report) -> Value {
    let totals = &report.totals;
    let causes: serde_json::Map<String, Value> =
        totals.causes.iter().map(|(name, count)| (name.to_string(), (*count).into())).collect();
    json!({
        "deterministic": report.is_deterministic(),
        "totals": {
            "calls": totals.calls,
            "equal": totals.equal,
            "tolerated": totals.tolerated,
            "differ": totals.differ,
            "extra": totals.extra,
            "missing": totals.missing,
            "failed": totals.failed,
            "unasked": totals.unasked.as_str(),
            "left_out": totals.left_out,
            "incomplete": totals.incomplete,
            "findings": totals.findings,
            "unlisted": totals.unlisted,
            "causes": causes,
        },
        "calls": report.calls.iter().map(call).collect::<Vec<_>>(),
        "unasked": findings(&report.unasked),
        "notes": report.notes,
    })
}

fn call(call: &Call) -> Value {
    let millis = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
    json!({
        "number": call.number,
        "method": &*call.method,
        "name": call.name.as_deref(),
        "verdict": call.verdict.as_str(),
        "recorded_ms": call.recorded.map(millis),
        "took_ms": millis(call.took),
        "findings": findings(&call.findings),
    })
}

fn findings(findings: &[Finding]) -> Vec<Value> {
    let finding = |finding: &Finding| {
        json!({
            "place": finding.place,
            "verdict": finding.verdict.as_str(),
            "path": finding.path,
            "expected": finding.expected,
            "actual": finding.actual,
            "causes": finding.causes.iter().map(|name| &**name).collect::<Vec<_>>(),
        })
    };
    findings.iter().map(finding).collect()
}
