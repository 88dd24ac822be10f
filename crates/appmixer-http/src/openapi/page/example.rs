//! Requests and answers as one would type and see them.

use serde_json::Value;

use super::words::text;
use super::{entries, list};

/// The command that asks for the route.
pub(super) fn curl(path: &str, method: &str, operation: &Value) -> String {
    let mut path = path.to_owned();
    for parameter in list(&operation["parameters"]).iter().filter(|parameter| parameter["in"] == "path") {
        path = path.replace(&format!("{{{}}}", text(&parameter["name"])), text(&parameter["example"]));
    }
    let method = if method == "get" { String::new() } else { format!(" -X{}", method.to_uppercase()) };
    let mut command = format!("curl{method} \"http://127.0.0.1:2200{path}\"");
    if !list(&operation["security"]).is_empty() && operation["security"][0]["bearer"].is_array() {
        command += " \\\n  -H \"Authorization: Bearer $TOKEN\"";
    }
    let Some((media_type, body)) = entries(&operation["requestBody"]["content"]).next() else {
        return command;
    };
    // A single quote would end the shell's text.
    let body = body["example"].to_string().replace('\'', r"'\''");
    format!("{command} \\\n  -H \"Content-Type: {media_type}\" \\\n  -d '{body}'")
}

/// JSON on several lines.
pub(super) fn json(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_has_all_that_the_route_asks_for() {
        let operation = json!({
            "security": [{ "bearer": ["admin"] }],
            "parameters": [{ "name": "userId", "in": "path", "example": "5c88" }],
            "requestBody": { "content": { "application/json": { "example": { "plan": "it's" } } } },
        });
        assert_eq!(
            curl("/users/{userId}", "put", &operation),
            "curl -XPUT \"http://127.0.0.1:2200/users/5c88\" \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  \
             -H \"Content-Type: application/json\" \\\n  -d '{\"plan\":\"it'\\''s\"}'"
        );
        assert_eq!(curl("/", "get", &json!({ "security": [] })), "curl \"http://127.0.0.1:2200/\"");
    }
}
