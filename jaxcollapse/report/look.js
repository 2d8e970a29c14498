// How numbers look: places on axes, colours, words.

const FOREVER = "#d55e00", UNKNOWN = "#dddddd";  // an infinite value, and none
const HUES = ["#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];  // Okabe and Ito's
const DASHES = [[], [8, 4], [8, 3, 2, 3], [2, 3], [8, 3, 2, 3, 2, 3], [12, 4], [2, 6]];
const THEORY = ["#767b80", [18, 4]], MEAN = ["#000000", [2, 3]];  // no colour and dash of another line
// What became of cells: those that tell of a loss are orange and black, with corners.
const OF_WORDS = {
  unchanged: ["#56b4e9", "circle", "u"],
  cooled: ["#0072b2", "inverted_triangle", "c"],
  heated: ["#cc79a7", "triangle", "h"],
  forgetting: ["#e69f00", "square", "f"],
  collapsed: ["#000000", "diamond", "×"],
  recoverable: ["#0072b2", "circle", "r"],
  forgotten: ["#e69f00", "square", "f"],
  changed: ["#e69f00", "square", "c"],
};
const PLAIN = ["#6b7075", "circle", ""];

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
function coloursOf(palette, scale, value) {
  if (Number.isNaN(value) || scale === null) return [UNKNOWN, "#000000"];
  if (value === Infinity) return [FOREVER, "#000000"];
  const share = (placeOf(scale, value) - scale.low) / (scale.high - scale.low || 1);
  const place = Math.round(Math.min(Math.max(share, 0), 1) * (palette.length - 1));
  return [palette[place], place < 0.52 * palette.length ? "#ffffff" : "#000000"];
}

function wordOf(page, code) {
  return code >= 0 ? page.words[code] : code === -2 ? "diverged" : "missing";
}

function lookOf(page, code) {
  return code >= 0 ? OF_WORDS[page.words[code]] ?? PLAIN : PLAIN;
}

// A value of a quantity with its name and units: "recovery gap 0.31 nat".
function saidOf(title, value) {
  const [, name, units] = title.match(/^(.*) \[(.*)\]$/) ?? [null, title, "1"];
  return `${name} ${numberOf(value)}${units === "1" ? "" : ` ${units}`}`;
}
