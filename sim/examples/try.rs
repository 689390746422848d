//! scratch
use core::time::Duration;
use groupcast::*;
use groupcast_sim::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n: usize = a[1].parse().unwrap();
    let loss: f64 = a[2].parse().unwrap();
    let gap: u64 = a[3].parse().unwrap();
    let count: u64 = a[4].parse().unwrap();
    let link = if a.get(5).is_some_and(|s| s == "wifi") {
        Link::wifi()
    } else {
        Link::lan()
    };
    let ch = Channel::reliable_ordered(1);
    let mut net: SimNet<Box<Desktop>> =
        SimNet::new(a.get(6).map_or(1, |s| s.parse().unwrap())).with_link(link);
    let keys: Vec<_> = (0..n)
        .map(|i| {
            net.join(Config::new("239.1.2.3:12345".parse().unwrap()).with_name(&format!("m{i}")))
        })
        .collect();
    net.run_for(Duration::from_secs(3));
    net.network().set_default_link(link.with_loss(loss));
    let d0 = net.network().counters().sent;
    let mut at = std::collections::HashMap::new();
    let mut lat: Vec<f64> = vec![];
    let mut got = 0u64;
    let mut gaps = 0u64;
    let mut expect = vec![0u32; n];
    for k in keys.iter() {
        net[*k].take_events();
    }
    let collect = |net: &mut SimNet<Box<Desktop>>,
                   at: &std::collections::HashMap<u32, Instant>,
                   lat: &mut Vec<f64>,
                   got: &mut u64,
                   gaps: &mut u64,
                   expect: &mut Vec<u32>| {
        let now = net.now();
        for (i, k) in keys.iter().enumerate().skip(1) {
            for e in net[*k].take_events() {
                match e {
                    OwnedEvent::Message(m) => {
                        *got += 1;
                        assert_eq!(m.sequence, expect[i], "order at {i}");
                        expect[i] += 1;
                        if now.as_micros() - at[&m.sequence].as_micros() > 400_000
                            && std::env::var("D").is_ok()
                        {
                            println!(
                                "late {i} seq {} sent {:?} now {:?}",
                                m.sequence, at[&m.sequence], now
                            );
                        }
                        lat.push((now.as_micros() - at[&m.sequence].as_micros()) as f64 / 1000.0);
                    }
                    OwnedEvent::Gap { first, last, .. } => {
                        assert_eq!(first, expect[i]);
                        *gaps += u64::from(last - first + 1);
                        expect[i] = last + 1;
                    }
                    OwnedEvent::Suspect(_) | OwnedEvent::Recovered(_) => {}
                    e => println!("{now:?} {i}: {e}"),
                }
            }
        }
    };
    for _ in 0..count {
        let s = net[keys[0]].send(ch, &[7; 64]).unwrap();
        at.insert(s, net.now());
        let end = net.now() + Duration::from_millis(gap);
        while net.now() < end {
            let step = Duration::from_micros(100).min(net.now().until(end));
            net.run_for(step);
            collect(&mut net, &at, &mut lat, &mut got, &mut gaps, &mut expect);
        }
    }
    for _ in 0..3000 {
        net.run_for(Duration::from_millis(1));
        collect(&mut net, &at, &mut lat, &mut got, &mut gaps, &mut expect);
    }
    lat.sort_by(f64::total_cmp);
    let q = |p: f64| lat[((lat.len() - 1) as f64 * p) as usize];
    let nacks: u64 = keys
        .iter()
        .map(|k| net[*k].node().unwrap().counters().nacks_sent)
        .sum();
    let repairs = net[keys[0]].node().unwrap().counters().repairs_sent;
    let syncs = net[keys[0]].node().unwrap().counters().syncs_sent;
    let d = net.network().counters().sent - d0;
    println!(
        "delivered {got} of {} gaps {gaps} p50 {:.2} p99 {:.2} max {:.2} nacks/msg {:.2} repairs/msg {:.2} syncs/msg {:.2} datagrams/msg {:.2}",
        count * (n as u64 - 1),
        q(0.5),
        q(0.99),
        q(1.0),
        nacks as f64 / count as f64,
        repairs as f64 / count as f64,
        syncs as f64 / count as f64,
        d as f64 / count as f64
    );
    let c = net[keys[3]].node().unwrap().counters();
    println!("{c:?}");
}
