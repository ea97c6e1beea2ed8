//! Small plots, as text: panels beside each other, each with two axes.

use std::fmt::Write as _;

pub(crate) const OURS: &str = "#0072b2";
pub(crate) const RAW: &str = "#d55e00";
pub(crate) const GREY: &str = "#767676";
pub(crate) const GREEN: &str = "#009e73";

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 320.0;
/// Room for titles and numbers around what is plotted.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;

/// From where to where, and which numbers stand beside it.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) says: &'static str,
    pub(crate) range: (f64, f64),
    pub(crate) is_logarithmic: bool,
    pub(crate) ticks: &'static [(f64, &'static str)],
}

impl Axis {
    /// Where a value stands, in 0 … 1; what lies outside stands at the end.
    fn share(&self, value: f64) -> f64 {
        let on = |value: f64| {
            if self.is_logarithmic {
                value.ln()
            } else {
                value
            }
        };
        let (from, to) = (on(self.range.0), on(self.range.1));
        ((on(value) - from) / (to - from)).clamp(0.0, 1.0)
    }
}

/// A plot with what was drawn on it.
pub(crate) struct Panel {
    x: Axis,
    y: Axis,
    drawn: String,
}

impl Panel {
    pub(crate) fn new(title: &str, x: Axis, y: Axis) -> Self {
        let mut panel = Self {
            x,
            y,
            drawn: String::new(),
        };
        let (left, right, top, bottom) = (LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM);
        for (value, name) in x.ticks {
            let at = panel.across(*value);
            panel.line_of((at, top), (at, bottom), "#e6e6e6", 1.0, false);
            panel.text_at((at, bottom + 16.0), "middle", GREY, name);
        }
        for (value, name) in y.ticks {
            let at = panel.up(*value);
            panel.line_of((left, at), (right, at), "#e6e6e6", 1.0, false);
            panel.text_at((left - 6.0, at + 4.0), "end", GREY, name);
        }
        panel.line_of((left, bottom), (right, bottom), "#404040", 1.0, false);
        panel.line_of((left, top), (left, bottom), "#404040", 1.0, false);
        let middle = f64::midpoint(left, right);
        panel.text_at((middle, bottom + 36.0), "middle", "#202020", x.says);
        let beside = f64::midpoint(top, bottom);
        let turned = format!("<g transform=\"rotate(-90 14 {beside:.1})\">");
        panel.drawn.push_str(&turned);
        panel.text_at((14.0, beside), "middle", "#202020", y.says);
        panel.drawn.push_str("</g>\n");
        panel.text_at((left, 20.0), "start", "#000000", title);
        panel
    }

    pub(crate) fn dot(&mut self, x: f64, y: f64, radius: f64, colour: &str) {
        let (x, y) = (self.across(x), self.up(y));
        let _ = writeln!(
            self.drawn,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\"/>"
        );
    }

    /// Between two points.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, is_dashed: bool) {
        let from = (self.across(from.0), self.up(from.1));
        let to = (self.across(to.0), self.up(to.1));
        self.line_of(from, to, colour, 1.2, is_dashed);
    }

    /// Through points, with a dot at each.
    pub(crate) fn curve(&mut self, points: &[(f64, f64)], colour: &str) {
        for pair in points.windows(2) {
            let ends = [pair[0], pair[1]].map(|(x, y)| (self.across(x), self.up(y)));
            self.line_of(ends[0], ends[1], colour, 2.0, false);
        }
        for (x, y) in points {
            self.dot(*x, *y, 3.5, colour);
        }
    }

    /// Beside a point; `anchor` is the end of the text that stands there.
    pub(crate) fn text(&mut self, at: (f64, f64), anchor: &str, colour: &str, text: &str) {
        let at = (self.across(at.0), self.up(at.1));
        self.text_at(at, anchor, colour, text);
    }

    fn across(&self, x: f64) -> f64 {
        LEFT + self.x.share(x) * (WIDTH - RIGHT - LEFT)
    }

    fn up(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.share(y) * (HEIGHT - BOTTOM - TOP)
    }

    fn line_of(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        colour: &str,
        width: f64,
        is_dashed: bool,
    ) {
        let dashes = if is_dashed {
            " stroke-dasharray=\"5 4\""
        } else {
            ""
        };
        let _ = writeln!(
            self.drawn,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"{dashes}/>",
            from.0, from.1, to.0, to.1
        );
    }

    fn text_at(&mut self, at: (f64, f64), anchor: &str, colour: &str, text: &str) {
        let _ = writeln!(
            self.drawn,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>",
            at.0, at.1
        );
    }
}

/// The file: `says` is for whoever cannot see it.
pub(crate) fn file(says: &str, panels: &[Panel]) -> String {
    let width = WIDTH * panels.len() as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" \
         role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n<title>{says}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (place, panel) in panels.iter().enumerate() {
        let left = WIDTH * place as f64;
        let _ = writeln!(
            text,
            "<g transform=\"translate({left} 0)\">\n{}</g>",
            panel.drawn
        );
    }
    text.push_str("</svg>\n");
    text
}
