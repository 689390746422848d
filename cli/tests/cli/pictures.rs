//! The pictures of the README, which `cli/screenshots` and `tests/labs/chat` draw.

use std::fs;

const WIDTH: f64 = 8.4;

/// What a picture writes: where it ends, in pixels, how far below the top, and the text.
struct Text {
    end: f64,
    y: f64,
    text: String,
}

fn picture(name: &str) -> String {
    let path = format!("{}/docs/{name}.svg", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap()
}

/// An attribute of an element.
fn number(element: &str, name: &str) -> Option<f64> {
    let (_, value) = element.split_once(&format!(" {name}=\""))?;
    value.split_once('"')?.0.parse().ok()
}

/// The elements of a kind.
fn elements<'s>(svg: &'s str, kind: &str) -> impl Iterator<Item = &'s str> {
    let beginning = format!("<{kind} ");
    svg.lines().filter(move |line| line.starts_with(&beginning))
}

fn texts(svg: &str) -> Vec<Text> {
    let texts = elements(svg, "text").filter_map(|element| {
        let start = number(element, "x")?;
        let text = element.split_once('>')?.1.strip_suffix("</text>")?;
        Some(Text {
            end: start + number(element, "textLength")?,
            y: number(element, "y")?,
            text: text.to_owned(),
        })
    });
    texts.collect()
}

#[test]
fn lines_and_bars_are_drawn_and_not_left_to_a_font() {
    for name in ["arena", "chat", "doctor", "top"] {
        let svg = picture(name);
        let by_font = svg
            .chars()
            .filter(|c| ('\u{2500}'..='\u{259f}').contains(c));
        assert_eq!(by_font.collect::<String>(), "", "{name}");
    }
}

#[test]
fn the_first_and_the_last_lines_of_the_doctor_are_in_its_picture() {
    let texts = texts(&picture("doctor"));
    let top = texts.iter().map(|text| text.y).fold(f64::MAX, f64::min);
    let first = texts.iter().filter(|text| text.y == top);
    let first: String = first.map(|text| text.text.as_str()).collect();
    assert!(first.contains("environment"), "{first}");
    assert!(texts.iter().any(|text| text.text.contains("found")));
}

#[test]
fn the_bars_of_top_end_where_their_headings_end() {
    let svg = picture("top");
    let texts = texts(&svg);
    for heading in ["DATAGRAMS", "MESSAGES"] {
        let heading = texts
            .iter()
            .find(|text| text.text.ends_with(heading))
            .unwrap();
        // The rows below it, up to where another table may begin.
        let bars = elements(&svg, "rect").filter_map(|bar| {
            let height = number(bar, "height")?;
            let (bottom, end) = (
                number(bar, "y")? + height,
                number(bar, "x")? + number(bar, "width")?,
            );
            let is_below = (heading.y..heading.y + 2.0 * 18.0 + 8.0).contains(&bottom);
            (is_below && height < 18.0).then_some(end)
        });
        let last = bars.fold(0.0, f64::max);
        assert!(
            (last - heading.end).abs() < WIDTH / 2.0,
            "{last} {}",
            heading.end
        );
    }
}
