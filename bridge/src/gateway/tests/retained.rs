//! What the broker retains beside values: topics of the map, Home Assistant, and who is there.

use groupcast::{Channel, Event};
use serde_json::json;

use super::broker::{Bench, ROOT, id, json, peer, settings};
use crate::Publication;
use crate::gateway::{Body, Map};

const STATE: Channel = Channel::state(3);

/// Of the topic `home/t`.
const CONFIG: &str = "homeassistant/sensor/gc_home_t_e2da275a/config";

#[test]
fn the_map_names_topics_and_home_assistant_is_told() {
    let mut settings = settings();
    let map = "[[topic]]\ntopic = \"home/t\"\nfrom = \"boiler\"\nclass = \"state\"\nchannel = 3\n\
        [topic.home_assistant]\ncomponent = \"sensor\"\nname = \"T\"\nunit = \"°C\"\n";
    settings.map = Map::parse(map, "gc").unwrap();
    let mut bench = Bench::with(settings, crate::gateway::store::NoStore);
    bench.connect();
    bench.joined(peer(0xb0, "boiler"));
    bench.message(peer(0xb0, "boiler"), STATE, 0, b"21");
    bench.message(peer(0xc0, "panel"), STATE, 0, b"22");
    bench.deliver();
    assert_eq!(bench.retained["home/t"].payload, b"21");
    assert_eq!(
        bench.retained[&format!("{ROOT}/000000c0/state/3")].payload,
        b"22"
    );
    let config = &bench.retained[CONFIG];
    let value = json(config);
    assert_eq!(value["state_topic"], "home/t");
    assert_eq!(value["unit_of_measurement"], "°C");
    assert_eq!(
        value["availability"][1]["topic"],
        format!("{ROOT}/000000b0/info")
    );
    assert!(value.get("value_template").is_none());
    // It is the same for Home Assistant when it comes back with another id, and what it said last holds.
    let before = value;
    bench.event(&Event::Left(&peer(0xb0, "boiler")));
    bench.run(1);
    bench.joined(peer(0xa0, "boiler"));
    bench.message(peer(0xa0, "boiler"), STATE, 0, b"23");
    bench.deliver();
    let value = json(&bench.retained[CONFIG]);
    assert_eq!(value["unique_id"], before["unique_id"]);
    assert_eq!(value["device"], before["device"]);
    let info = format!("{ROOT}/000000a0/info");
    assert_eq!(value["availability"][1]["topic"], info);
    // After the broker forgot everything, too.
    bench.disconnect();
    bench.retained.clear();
    bench.connect();
    bench.deliver();
    let value = json(&bench.retained[CONFIG]);
    assert_eq!(value["availability"][1]["topic"], info);
    assert_eq!(bench.retained["home/t"].payload, b"23");
}

#[test]
fn home_assistant_finds_the_value_in_an_object_of_json() {
    let mut settings = settings();
    let map = "[[topic]]\ntopic = \"home/t\"\nfrom = \"000000b0\"\nclass = \"state\"\nchannel = 3\n\
        [topic.home_assistant]\ncomponent = \"sensor\"\nname = \"T\"\n";
    settings.map = Map::parse(map, "gc").unwrap();
    settings.body = Body::Json;
    let mut bench = Bench::with(settings, crate::gateway::store::NoStore);
    bench.connect();
    bench.joined(peer(0xb0, "boiler"));
    bench.deliver();
    let template = &json(&bench.retained[CONFIG])["value_template"];
    assert_eq!(template, "{{ value_json.text }}");
}

#[test]
fn the_info_of_members_long_gone_is_deleted_and_of_others_corrected() {
    let mut bench = Bench::new();
    bench.connect();
    bench.joined(peer(7, "ana"));
    let info = |online: bool, seen: u64| {
        json!({"name": "x", "session": "1", "online": online, "since": seen, "seen": seen,
            "state": [3, 300, "x"]})
        .to_string()
    };
    let now = 1_700_000_000;
    let cases = [
        (7, true, now),
        (8, true, now - 90_000),
        (9, true, now - 60),
        (10, false, now - 60),
        // Old enough only later.
        (12, false, now - 86_300),
    ];
    for (number, online, seen) in cases {
        bench.incoming(
            &format!("{ROOT}/{:08x}/info", number),
            info(online, seen).as_bytes(),
        );
    }
    for bad in ["", "{}", "[1]", "\u{0}", &"x".repeat(10_000)] {
        bench.incoming(&format!("{ROOT}/0000000b/info"), bad.as_bytes());
    }
    assert_eq!(bench.gateway.counters().bad_info, 4);
    bench.deliver();
    bench.run(20);
    let changed = bench.deliver();
    let by = |number: u32| {
        changed
            .iter()
            .find(|p| p.topic.contains(&id(number).to_string()))
    };
    let is_deleted = |changed: &[Publication], number: u32, end: &str| {
        let topic = format!("{ROOT}/{number:08x}/{end}");
        let mut deleted = changed
            .iter()
            .filter(|p| p.payload.is_empty() && p.retained);
        deleted.any(|p| p.topic == topic)
    };
    assert!(by(7).is_none() && by(10).is_none() && by(12).is_none());
    assert!(is_deleted(&changed, 8, "info") && is_deleted(&changed, 8, "state/3"));
    assert_eq!(json(by(9).unwrap())["online"], false);
    assert_eq!(json(by(9).unwrap())["state"], json!([3]));
    assert_eq!(bench.gateway.counters().ghosts, 2);
    bench.run(100);
    let later = bench.deliver();
    assert!(is_deleted(&later, 12, "info") && is_deleted(&later, 12, "state/3"));
    // Who is away for as long while the gateway runs is forgotten, too.
    bench.message(peer(7, "ana"), STATE, 0, b"x");
    let told = json(&bench.deliver_on("00000007/info")[0]);
    assert_eq!(told["state"], json!([3]));
    bench.event(&Event::Left(&peer(7, "ana")));
    bench.deliver();
    bench.run(24 * 3600 + 5);
    let gone = bench.deliver();
    assert!(is_deleted(&gone, 7, "info") && is_deleted(&gone, 7, "state/3"));
    assert!(
        !bench
            .retained
            .contains_key(&format!("{ROOT}/00000007/state/3"))
    );
}
