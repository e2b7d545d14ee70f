//! OpenAI's legacy completions. <https://platform.openai.com/docs/api-reference/completions>

use serde_json::Value;

use super::{Checked, Said, events, list, number, read_usage, rule, text};

/// Checks a stream, and returns what its first choice says.
pub(crate) fn check_completions(stream: &str, include_usage: bool) -> Checked {
    let mut events = events(stream)?;
    let last = events.pop().ok_or("an empty stream")?;
    rule!(last.name.is_none() && last.data == "[DONE]", "the last event is not [DONE]: {}", last.data);
    let mut said = Said::default();
    let mut id = None;
    for event in &events {
        rule!(event.name.is_none(), "a chunk has a name: {:?}", event.name);
        let chunk = event.json()?;
        rule!(chunk["object"] == "text_completion", "not a text completion: {chunk}");
        let found = text(&chunk, "id")?.to_owned();
        rule!(*id.get_or_insert(found.clone()) == found, "the id changes: {chunk}");
        number(&chunk, "created")?;
        text(&chunk, "model")?;
        rule!(said.usage.is_none(), "a chunk behind the one with usage: {chunk}");
        let choices = list(&chunk, "choices")?;
        if let Some(usage) = chunk.get("usage").filter(|usage| !usage.is_null()) {
            rule!(include_usage, "usage that was not asked for: {chunk}");
            rule!(choices.is_empty(), "usage beside choices: {chunk}");
            said.usage = Some(read_usage(usage)?);
        } else {
            rule!(!choices.is_empty(), "a chunk that says nothing: {chunk}");
        }
        for choice in choices {
            take(choice, &mut said)?;
        }
    }
    rule!(!said.finish.is_empty(), "no finish reason");
    rule!(include_usage == said.usage.is_some(), "usage was asked for: {include_usage}, and came: {}", !include_usage);
    Ok(said)
}

fn take(choice: &Value, said: &mut Said) -> Result<(), String> {
    let words = text(choice, "text")?;
    let finish = choice["finish_reason"].as_str();
    if number(choice, "index")? == 0 {
        rule!(said.finish.is_empty(), "a chunk behind the finish reason: {choice}");
        said.text += words;
        said.finish += finish.unwrap_or_default();
    }
    Ok(())
}

/// Reads a whole answer's first choice.
pub(crate) fn read_completions(answer: &Value) -> Checked {
    rule!(answer["object"] == "text_completion", "not a text completion: {answer}");
    text(answer, "id")?;
    text(answer, "model")?;
    number(answer, "created")?;
    let choices = list(answer, "choices")?;
    let choice = choices.first().ok_or("no choice at all")?;
    rule!(number(choice, "index")? == 0, "a choice out of place: {choice}");
    Ok(Said {
        text: text(choice, "text")?.to_owned(),
        finish: text(choice, "finish_reason")?.to_owned(),
        usage: answer.get("usage").filter(|usage| !usage.is_null()).map(read_usage).transpose()?,
        ..Said::default()
    })
}
