//! The chains of nftables that can drop what is sent to the group, as far as one may read them.

use std::process::{Command, Stdio};

use serde_json::Value;

/// Chains that are named at most.
const MOST: usize = 4;

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    In,
    Out,
}

impl Way {
    const fn hooks(self) -> &'static [&'static str] {
        match self {
            Self::In => &["ingress", "prerouting", "input"],
            Self::Out => &["output", "postrouting", "egress"],
        }
    }
}

/// A chain that is hooked into the way, and can drop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Chain {
    pub(crate) family: String,
    pub(crate) table: String,
    pub(crate) name: String,
}

/// The chains on this way that can drop; `None` where nobody may read them but the administrator.
pub(crate) fn chains(way: Way, is_v6: bool) -> Option<Vec<Chain>> {
    let listed = Command::new("nft")
        .args(["-j", "list", "ruleset"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    if !listed.status.success() {
        return None;
    }
    chains_of(&serde_json::from_slice(&listed.stdout).ok()?, way, is_v6)
}

fn chains_of(ruleset: &Value, way: Way, is_v6: bool) -> Option<Vec<Chain>> {
    let entries = ruleset.get("nftables")?.as_array()?;
    let of = |kind: &'static str| entries.iter().filter_map(move |entry| entry.get(kind));
    let text = |value: &Value, field: &str| -> Option<String> {
        Some(value.get(field)?.as_str()?.to_owned())
    };
    let rules = |chain: &Chain| -> Vec<&Value> {
        let is_its = |rule: &&Value| {
            text(rule, "family").as_ref() == Some(&chain.family)
                && text(rule, "table").as_ref() == Some(&chain.table)
                && text(rule, "chain").as_ref() == Some(&chain.name)
        };
        of("rule").filter(is_its).collect()
    };
    let other_family = if is_v6 { "ip" } else { "ip6" };
    let mut found = Vec::new();
    for base in of("chain") {
        let (Some(family), Some(table), Some(name), Some(hook)) = (
            text(base, "family"),
            text(base, "table"),
            text(base, "name"),
            text(base, "hook"),
        ) else {
            continue;
        };
        if !way.hooks().contains(&hook.as_str()) || family == other_family || family == "arp" {
            continue;
        }
        let chain = Chain {
            family,
            table,
            name,
        };
        let mut can_drop = text(base, "policy").as_deref() == Some("drop");
        // The chains that it leads to, each looked at once.
        let mut seen = vec![chain.name.clone()];
        let mut at = 0;
        while let Some(name) = seen.get(at).cloned() {
            at += 1;
            let part = Chain {
                name,
                ..chain.clone()
            };
            for rule in rules(&part) {
                can_drop |= drops(rule.get("expr").unwrap_or(&Value::Null), &mut seen);
            }
        }
        if can_drop && found.len() < MOST {
            found.push(chain);
        }
    }
    Some(found)
}

/// Whether a part of a rule drops or rejects. Where it leads to is added to `seen`.
fn drops(part: &Value, seen: &mut Vec<String>) -> bool {
    match part {
        Value::Array(parts) => parts.iter().any(|part| drops(part, seen)),
        Value::Object(fields) => {
            let mut found = false;
            for (name, value) in fields {
                found |= matches!(name.as_str(), "drop" | "reject");
                let target = value.get("target").and_then(Value::as_str);
                if let ("jump" | "goto", Some(target)) = (name.as_str(), target)
                    && !seen.iter().any(|known| known == target)
                {
                    seen.push(target.to_owned());
                }
                found |= drops(value, seen);
            }
            found
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULESET: &str = r#"{"nftables": [
        {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
        {"table": {"family": "ip", "name": "mine", "handle": 1}},
        {"chain": {"family": "ip", "table": "mine", "name": "guard", "handle": 1, "type": "filter",
            "hook": "input", "prio": -5, "policy": "drop"}},
        {"chain": {"family": "ip6", "table": "six", "name": "guard", "handle": 1, "type": "filter",
            "hook": "input", "prio": 0, "policy": "drop"}},
        {"chain": {"family": "inet", "table": "fw", "name": "in", "handle": 1, "type": "filter",
            "hook": "input", "prio": 0, "policy": "accept"}},
        {"chain": {"family": "inet", "table": "fw", "name": "udp", "handle": 2}},
        {"rule": {"family": "inet", "table": "fw", "chain": "in", "handle": 3, "expr": [
            {"vmap": {"key": {"meta": {"key": "l4proto"}}, "data": {"set": [
                ["udp", {"jump": {"target": "udp"}}], ["tcp", {"accept": null}]]}}}]}},
        {"rule": {"family": "inet", "table": "fw", "chain": "udp", "handle": 4, "expr": [
            {"jump": {"target": "in"}}]}},
        {"rule": {"family": "inet", "table": "fw", "chain": "udp", "handle": 5, "expr": [
            {"match": {"op": "!=", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 53}},
            {"reject": {"type": "icmpx", "expr": "port-unreachable"}}]}},
        {"chain": {"family": "inet", "table": "fw", "name": "out", "handle": 6, "type": "filter",
            "hook": "output", "prio": 0, "policy": "accept"}},
        {"rule": {"family": "inet", "table": "fw", "chain": "out", "handle": 7, "expr": [
            {"counter": {"packets": 0, "bytes": 0}}]}}
    ]}"#;

    fn named(way: Way, is_v6: bool) -> Vec<String> {
        let ruleset = serde_json::from_str(RULESET).unwrap();
        let chains = chains_of(&ruleset, way, is_v6).unwrap();
        let name = |chain: &Chain| format!("{} {} {}", chain.family, chain.table, chain.name);
        chains.iter().map(name).collect()
    }

    #[test]
    fn chains_that_can_drop_are_found_by_policy_and_by_where_they_lead() {
        assert_eq!(named(Way::In, false), ["ip mine guard", "inet fw in"]);
        assert_eq!(named(Way::In, true), ["ip6 six guard", "inet fw in"]);
        assert_eq!(named(Way::Out, false), [] as [&str; 0]);
    }

    #[test]
    fn what_is_no_ruleset_is_not_known() {
        for text in ["{}", "[]", "null", r#"{"nftables": 7}"#] {
            let value = serde_json::from_str(text).unwrap();
            assert_eq!(chains_of(&value, Way::In, false), None, "{text}");
        }
    }
}
