//! Numbers in Prometheus' text format.

use core::fmt::{Display, Write};

/// What all names begin with.
const PREFIX: &str = "groupcast_bridge";

/// Numbers in Prometheus' text format, each with what it means.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

impl Exposition {
    /// Something that only grows, as long as the program runs. Its name ends in `_total`.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(&format!("{name}_total"), "counter", help);
        self.sample(&format!("{name}_total"), &[], value);
    }

    /// Something that also falls.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.gauges(name, help, [(&[][..], value)]);
    }

    /// The same with labels, once for each of them.
    pub(crate) fn gauges<'a, T: Display>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'a [(&'a str, &'a str)], T)>,
    ) {
        self.family(name, "gauge", help);
        for (labels, value) in values {
            self.sample(name, labels, value);
        }
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let written = write!(
            self.text,
            "# HELP {PREFIX}_{name} {help}\n# TYPE {PREFIX}_{name} {kind}\n"
        );
        debug_assert!(written.is_ok(), "a text takes everything");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(label, value)| {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                format!("{label}=\"{}\"", value.replace('\n', "\\n"))
            })
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let written = writeln!(self.text, "{PREFIX}_{name}{labels} {value}");
        debug_assert!(written.is_ok(), "a text takes everything");
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_meaning_and_its_kind_before_it() {
        let mut exposition = Exposition::default();
        exposition.counter("late", "Came\ntoo late.", 7);
        exposition.gauge("up", "Whether.", 1);
        let labels: &[(&str, &str)] = &[("a", "b\"\\\n"), ("c", "d")];
        exposition.gauges("info", "What.", [(labels, 0.5)]);
        assert_eq!(
            exposition.into_text(),
            "# HELP groupcast_bridge_late_total Came\\ntoo late.\n\
             # TYPE groupcast_bridge_late_total counter\n\
             groupcast_bridge_late_total 7\n\
             # HELP groupcast_bridge_up Whether.\n\
             # TYPE groupcast_bridge_up gauge\n\
             groupcast_bridge_up 1\n\
             # HELP groupcast_bridge_info What.\n\
             # TYPE groupcast_bridge_info gauge\n\
             groupcast_bridge_info{a=\"b\\\"\\\\\\n\",c=\"d\"} 0.5\n"
        );
    }
}
