'use strict';
// What all pages need: the facts, small tools, and the signs. Every text goes through textContent, so no
// text of a results file can become markup.

const DATA = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);
const word = (index) => (index === null ? null : DATA.words[index]);

// ---------------------------------------------------------------- small tools

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const ms = (number) => `${number < 10 ? number.toFixed(1) : Math.round(number)} ms`;
const withReason = (what, reason) => (reason ? `${what} (${reason})` : what);

// How wide a picture is drawn: as its box is, within what can be read.
const roomOf = (box) => Math.min(1120, Math.max(320, box.clientWidth));

// A turned phone and a drawn window have another room than before, and what is drawn to its measure is drawn anew; the
// focus stays at its place. A sheet of paper has its own drawing.
function onAnotherRoom(box, draw) {
  let known = box.clientWidth;
  addEventListener('resize', () => {
    if (box.clientWidth === known || matchMedia('print').matches) return;
    known = box.clientWidth;
    const stops = () => [...box.querySelectorAll('[tabindex]')];
    const focused = stops().indexOf(document.activeElement);
    draw();
    if (focused >= 0) stops()[focused].focus();
  });
}

// ---------------------------------------------------------------- signs: shape first, colour second

const SIGNS = {
  ok: ['M 0 -8 A 8 8 0 1 1 0 8 A 8 8 0 1 1 0 -8 Z', true, 'done (2xx)'],
  refused: ['M 0 -10 L 10 0 L 0 10 L -10 0 Z', true, 'told no (4xx)'],
  failed: ['M 0 -9 L 10 8 L -10 8 Z', true, 'told not now (5xx)'],
  silent: ['M -7 -7 H 7 V 7 H -7 Z M -7 -7 L 7 7 M 7 -7 L -7 7', false, 'no answer'],
  Survived: ['M -8 0 L -2 7 L 9 -7', false],
  Recovered: ['M 7 -4 A 8 8 0 1 0 8 2 M 8 -9 V -3 H 2', false],
  Unknown: ['M -4 -5 A 4.5 4.5 0 1 1 1 0 L 0 3 M 0 7 V 8.5', false],
  Lost: ['M -7 -7 L 7 7 M 7 -7 L -7 7', false],
  Duplicated: ['M -8 -8 H 3 V 3 H -8 Z M -3 3 V 8 H 8 V -3 H 3', false],
  Inconclusive: ['M -8 0 H 8', false],
  NotAvailable: ['M -4 0 H 4', false],
};

function sign(name) {
  const [path, filled] = SIGNS[name];
  return drawn('path', {
    d: path, fill: filled ? 'currentColor' : 'none', stroke: 'currentColor', 'stroke-width': 2.5, 'stroke-linejoin': 'round',
  });
}

function signInText(name) {
  const picture = drawn('svg', { viewBox: '-12 -12 24 24', class: `sign is-${name}`, 'aria-hidden': 'true' }, sign(name));
  return picture;
}

// ---------------------------------------------------------------- what a request came to

function outcome({ status, failure }) {
  if (status === null) return 'silent';
  if (status < 400 && failure === null) return 'ok';
  return status < 500 ? 'refused' : 'failed';
}

function answerOf({ status, failure, reason }) {
  return status === null ? `no answer: ${failure}` : withReason(`${status}${failure ? ` ${failure}` : ''}`, reason);
}

function askedAndAnswered(request) {
  return `${request.step}, ${request.method} ${request.path}, ${answerOf(request)}, after ${ms(request.took)}`;
}

// A request and its answer in full: what a chosen mark shows. A load's requests have a time at which they are due.
function inFull(lane, request, timed = 'sent') {
  const who = request.status === null ? `sent to ${request.replica}, which did not answer`
    : `answered by ${request.boot ? `run ${request.boot}` : request.replica}`;
  return [
    element('strong', {}, `${lane}: ${request.method} ${request.path}`),
    element('div', {}, `${askedAndAnswered(request)}, ${timed} at ${ms(request.at)}; ${who}.`),
  ];
}

// `stateful-2.ab12cd34…` is said as `run ab12`.
function runOf(boot) {
  const dot = boot.lastIndexOf('.');
  return `run ${boot.slice(dot + 1, dot + 5)}`;
}

// ---------------------------------------------------------------- the window of a fault

const PARTS = ['stop', 'gone', 'ready'];
const partsOf = (restart) => restart && PARTS.map((part) => restart[`${part}_ms`]);

const splitInWords = ([stop, gone, ready]) => `stop ${ms(stop)}, gone ${ms(gone)}, ready ${ms(ready)}`;

// The times at which the parts of a fault's window begin, and its end. After the three parts of a restart comes
// what has no name: its proof, or in a rolling restart the other replicas.
function edgesOf(from, parts, until) {
  if (!parts) return [from, until];
  const [stop, gone, ready] = parts;
  return [from, from + stop, from + stop + gone, from + stop + gone + ready, until];
}

// A fault's window: shaded, with a line at each edge, and in each part its name. What took too little time to be seen
// has no line and no name of its own; the numbers are below.
function shaded(xs, names, top, height) {
  const right = Math.max(xs[xs.length - 1], xs[0] + 3);
  const drawing = [drawn('rect', { x: xs[0], y: top, width: right - xs[0], height, class: 'fault' })];
  let last = -Infinity;
  for (const x of xs) {
    if (x - last < 2) continue;
    drawing.push(drawn('line', { x1: x, x2: x, y1: top, y2: top + height, class: 'split', 'stroke-dasharray': '5 4' }));
    last = x;
  }
  names.forEach((name, index) => {
    if (xs[index + 1] - xs[index] < name.length * 8) return;
    const label = drawn('text', { x: xs[index] + 4, y: top + 14, class: 'small' });
    label.textContent = name;
    drawing.push(label);
  });
  return drawing;
}

// ---------------------------------------------------------------- marks, by mouse and by keyboard

// Which mark of a row a key leads to, if it is one that walks; `more` is what further keys mean here.
function ledTo(event, row, from, more = {}) {
  // With these a key is the browser's: Alt and left goes back a page.
  if (event.altKey || event.ctrlKey || event.metaKey) return null;
  const at = row.indexOf(from);
  const goal = {
    ArrowRight: () => row[Math.min(at + 1, row.length - 1)], ArrowLeft: () => row[Math.max(at - 1, 0)],
    Home: () => row[0], End: () => row[row.length - 1], ...more,
  }[event.key];
  if (!goal) return null;
  event.preventDefault();
  return goal() || null;
}

// A lane whose marks are too many to hold the focus each, or are drawn anew all the time: the lane holds it. Its role is
// `application`, or a screen reader would keep the arrows to itself. A click chooses the nearest mark; left and right
// walk from mark to mark, up and down from one that did not succeed to the next. `marks` says which are there, `placeOf`
// where one is; `chosen` hears of each choice.
function choosable(svg, marks, placeOf, chosen) {
  let now = null;
  const choose = (mark) => { if (mark) { now = mark; chosen(mark); } };
  const bad = (mark) => outcome(mark) !== 'ok';
  svg.addEventListener('click', (event) => choose(nearest(event, svg, marks(), placeOf)));
  svg.addEventListener('keydown', (event) => {
    const row = marks();
    const at = row.indexOf(now);
    choose(ledTo(event, row, now, {
      ArrowDown: () => row.find((mark, index) => index > at && bad(mark)),
      ArrowUp: () => row.findLast((mark, index) => index < at && bad(mark)),
    }));
  });
}

function nearest(event, svg, marks, placeOf) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  let [best, distance] = [null, Infinity];
  for (const mark of marks) {
    const [x, y] = placeOf(mark);
    const far = Math.hypot(x - point.x, y - point.y);
    if (far < distance) [best, distance] = [mark, far];
  }
  return best;
}
