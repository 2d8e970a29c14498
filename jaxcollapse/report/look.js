// How numbers look: places on axes, colours, words.

// Okabe and Ito's; black is the ink of the page, and the blue is lighter on a dark one.
const HUES = ["ink", "#d55e00", "blue", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const DASHES = [[], [8, 4], [8, 3, 2, 3], [2, 3], [8, 3, 2, 3, 2, 3], [12, 4], [2, 6]];
const THEORY = ["soft", [18, 4]], MEAN = ["ink", [2, 3]];  // no colour and dash of another line
const OF_PAGE = ["ink", "soft", "line", "ground", "blue", "collapsed"];  // colours that page.css defines: light, dark, and on paper

// A colour in a figure, which knows no names of the page, and in a key, which follows the page.
const paint = colour => OF_PAGE.includes(colour) ? getComputedStyle(document.documentElement).getPropertyValue(`--${colour}`).trim() : colour;
const keyed = colour => OF_PAGE.includes(colour) ? `var(--${colour})` : colour;

function placeOf(scale, value) {
  if (Number.isNaN(value)) return NaN;
  if (value === Infinity) return scale.infinity ?? scale.high;
  return scale.log ? Math.max(Math.log10(Math.max(value, 1e-300)), scale.low) : value;
}

function placeOfGeneration(time, generation) {
  return time.log && generation > 1 ? 1 + Math.log10(generation) : generation;
}

// Both ends of an axis with this scale, with some room.
function endsOf(scale) {
  const end = scale.infinity ?? scale.high;
  const room = 0.04 * (end - scale.low || 1);
  return [scale.low - room, end + room];
}

function numberOf(value) {
  if (value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return String(value).replace("-", "−");
  if (size < 1e-3 || size >= 1e5) {
    const [factor, power] = value.toExponential(2).split("e");
    const raised = `10${String(Number(power)).replace(/./g, sign => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)])}`;
    return Number(factor) === 1 ? raised : `${Number(factor)}·${raised}`.replace("-", "−");
  }
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

function percentOf(share) {
  return share > 0.99 ? "over 99 %" : `${Math.round(100 * share)} %`;
}

// The colour of a value, and a colour that is read on it.
function coloursOf({palette, forever, unknown}, scale, value) {
  if (Number.isNaN(value) || scale === null) return [unknown, "#000000"];
  if (value === Infinity) return [forever, "#000000"];
  const share = (placeOf(scale, value) - scale.low) / (scale.high - scale.low || 1);
  const place = Math.round(Math.min(Math.max(share, 0), 1) * (palette.length - 1));
  return [palette[place], place < 0.52 * palette.length ? "#ffffff" : "#000000"];
}

const ABSENT = -3;  // the code of a place where the sweep has no cell

// The words of cells: `page.shown` are verdicts, or what became of right answers.
function wordOf(page, code) {
  return code >= 0 ? page.shown[code] : {"-1": "missing", "-2": "diverged"}[code] ?? "";
}

// How the cells of a word look: colour, ink, marker, letter.
function lookOf(page, code) {
  const word = wordOf(page, code), look = page.looks[word];
  if (code === -1 || code === ABSENT) return {...look, colour: paint("ground"), ink: paint("soft")};
  return OF_PAGE.includes(word) ? {...look, colour: paint(word)} : look;
}

// A value of a quantity with its name and units, where it has units: "recovery gap 0.31 nat".
function saidOf(title, value) {
  const [, name, units] = title.match(/^(.*) \[(.*)\]$/) ?? [null, title, ""];
  return `${name} ${numberOf(value)}${units && ` ${units}`}`;
}
