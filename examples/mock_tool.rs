//! A tool that no server has: two rules list it and answer its calls.
//!
//! `cargo run -q --example mock_tool`

#![allow(clippy::print_stdout, reason = "this example is no server on stdio")]

mod demo;

use serde_json::{Value, json};
use shadowcat::layer::rules::{Rules, RulesLayer};
use shadowcat::protocol::method;
use shadowcat::rules::{Action, Answer, Matcher, Mock, Rewrite, Rule, RuleSet, Step, Text};
use shadowcat::{BoxError, Direction, JsonRpcMessage, Kind, Pointer, RpcService};
use tower::{ServiceBuilder, ServiceExt};

/// It stands behind the server's own tools, and says what it was asked about.
fn rules() -> Result<RuleSet, BoxError> {
    let lists = Matcher::new()
        .method(Text::exact(method::TOOLS_LIST))
        .kind(Kind::Response)
        .direction(Direction::ToClient);
    let tool = json!({"name": "get_weather", "inputSchema": {"properties": {"city": {"type": "string"}}, "type": "object"}});
    let mut listed = Rewrite::default();
    listed.steps.push(Step::Set("/result/tools/-".parse::<Pointer>()?.into(), tool.into()));

    let sunny = json!({"content": [{"type": "text", "text": "Sunny in {{city}}, 72°F"}]});
    let calls = Matcher::new().tool(Text::exact("get_weather"));
    let mut answers = Mock::from(Answer::ToolError("The weather station does not answer".into()));
    answers.answers.push(Answer::Result(sunny.into()));

    Ok(RuleSet::new([
        Rule::new("list-weather", lists, Action::Rewrite(listed)),
        Rule::new("mock-weather", calls, Action::Mock(answers))
            .capture("city", "/params/arguments/city".parse::<Pointer>()?),
    ])?)
}

async fn ask(stack: &mut impl RpcService, method: &str, params: Value) -> Result<Value, BoxError> {
    let request = JsonRpcMessage::request(1, method, params.to_string())?;
    let reply = stack.ready().await.map_err(Into::into)?.call(request).await.map_err(Into::into)?;
    let answer = reply.collect(1 << 16).await?.pop().ok_or("no answer")?;
    Ok(serde_json::from_slice(answer.result().ok_or("an error")?)?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let rules = Rules::new(rules()?)?;
    let mut stack = ServiceBuilder::new().layer(RulesLayer::new(&rules)).service(demo::server());

    let list = ask(&mut stack, method::TOOLS_LIST, json!({})).await?;
    let names: Vec<_> = list["tools"].as_array().into_iter().flatten().map(|tool| &tool["name"]).collect();
    println!("{}", json!(names));
    assert_eq!(names, ["echo", "add", "count", "get_weather"]);

    let weather = json!({"name": "get_weather", "arguments": {"city": "Ulm"}});
    for expected in ["The weather station does not answer", "Sunny in Ulm, 72°F", "Sunny in Ulm, 72°F"] {
        let result = ask(&mut stack, method::TOOLS_CALL, weather.clone()).await?;
        println!("{result}");
        assert_eq!(result["content"][0]["text"], expected);
    }
    assert_eq!(rules.stats().answered, 3);
    Ok(())
}
