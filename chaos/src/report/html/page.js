// The page of one results file: the picture of one moment, and the matrix to choose it from. No library and
// no network; everything it shows comes from the facts in the page.

// ---------------------------------------------------------------- the facts

// The opposite of `cells.rs`: rows of numbers back into things with names. A cell without a detail found no
// room in the page.
const CELLS = DATA.cells.map(([flow, fault, column, step, phase, predicted, predictedReason, because, observed, reason, asPredicted, detail]) => ({
  flow: word(flow), fault: word(fault), column: word(column), step: word(step), phase: word(phase),
  predicted: word(predicted), predicted_reason: word(predictedReason), because: word(because),
  observed: word(observed), reason: word(reason), as_predicted: asPredicted === 1,
  notes: [], proof: null, window: null, restart: null, ...detail,
  requests: detail === undefined ? null : detail.requests.map(unpacked),
}));

function unpacked([step, method, path, status, failure, reason, at, took, replica, boot]) {
  return {
    step: word(step), method: word(method), path: word(path), status,
    failure: word(failure), reason: word(reason), at, took, replica: word(replica), boot: word(boot),
  };
}

// Distinct names in the order of a table of the tool; then what that table does not know. So stateful is
// always above stateless, whatever order the schedule drew.
function inOrder(table, names) {
  const rank = (name) => (table.includes(name) ? table.indexOf(name) : table.length);
  return [...new Set(names)].sort((one, other) => rank(one) - rank(other));
}
const FLOW_NAMES = DATA.flows.map((flow) => flow.name);
const FAULT_NAMES = DATA.faults.map((fault) => fault.name);
const COLUMNS = inOrder(DATA.services, CELLS.map((cell) => cell.column));
const momentOf = (cell) => `${cell.phase} ${cell.step}`;

// Every moment of a flow in the order in which it comes.
function momentsOf(flow) {
  const known = DATA.flows.find((each) => each.name === flow);
  return (known ? known.steps : []).flatMap((step) => ['before', 'accepted', 'committed', 'after'].map((phase) => `${phase} ${step}`));
}

let chosen = null;
// The cells of it that have a picture.
let shown = [];

function matching(choice) {
  return CELLS.filter((cell) => cell.flow === choice.flow && cell.fault === choice.fault && momentOf(cell) === choice.moment)
    .sort((one, other) => COLUMNS.indexOf(one.column) - COLUMNS.indexOf(other.column));
}

// ---------------------------------------------------------------- the picture

const LANE = 132;
const LEFT = 24;
const STEP_WIDTH = 92;
// How many pixels a doubling of time may take: as many as there is room for.
const STRETCHES = [11, 8, 5, 3, 1];

// Time runs to the right, and quiet stretches are squeezed: a login takes 1 ms and a restart 100. Two requests
// of one lane keep their distance, so that their names can be read.
function timeline(cells, stretch) {
  const events = [];
  cells.forEach((cell, lane) => {
    for (const request of cell.requests) {
      events.push({ time: request.at, lane });
      events.push({ time: request.at + request.took, lane, ends: true });
    }
    faultTimes(cell).forEach((time, edge) => events.push({ time, lane, part: edge > 0 ? faultParts(cell)[edge - 1] : '' }));
  });
  events.sort((one, other) => one.time - other.time);
  const [lastEnd, lastEdge] = [new Map(), new Map()];
  const points = [];
  let [x, before] = [LEFT + 24, events.length ? events[0].time : 0];
  for (const event of events) {
    x += stretch * Math.log2(1 + (event.time - before));
    if (event.ends) {
      const last = lastEnd.get(event.lane);
      if (last !== undefined) x = Math.max(x, last + STEP_WIDTH);
      lastEnd.set(event.lane, x);
    }
    if (event.part !== undefined) {
      // Each part of a fault is wide enough for its name, however short it was.
      if (event.part) x = Math.max(x, lastEdge.get(event.lane) + widthOf(event.part));
      lastEdge.set(event.lane, x);
    }
    points.push([event.time, x]);
    before = event.time;
  }
  return points;
}

function position(points, time) {
  let at = points.findIndex(([known]) => known >= time);
  if (at < 0) return points.length ? points[points.length - 1][1] : LEFT;
  // Several events at one time may lie apart; what begins then is drawn at the last of them.
  while (at + 1 < points.length && points[at + 1][0] === time) at += 1;
  const [t1, x1] = points[at];
  if (t1 === time || at === 0) return x1;
  const [t0, x0] = points[at - 1];
  return x0 + ((time - t0) / (t1 - t0)) * (x1 - x0);
}

function faultTimes(cell) {
  return cell.window ? edgesOf(cell.window[0], cell.restart, cell.window[1]) : [];
}

// What lies between the fault times.
function faultParts(cell) {
  return cell.restart ? PARTS : [cell.fault];
}

const widthOf = (part) => part.length * 8 + 6;

const pictureWidth = (points) => Math.max(640, points.length ? points[points.length - 1][1] + 90 : 0);

// What came after the fault is the point of the picture: where it can be, it is seen without moving the picture.
function picture(cells, room) {
  const tried = STRETCHES.map((stretch) => timeline(cells, stretch));
  const points = tried.find((each) => pictureWidth(each) <= room) || tried[tried.length - 1];
  const width = pictureWidth(points);
  const height = cells.length * LANE + 34;
  const svg = drawn('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': 'Requests over time, one lane a service' });
  svg.append(...cells.map((cell, at) => lane(cell, at * LANE, width, points)));
  drawAxis(svg, points, cells.length * LANE + 6, width);
  return svg;
}

// Where there is no such room, as on a phone, the picture opens with the mark before the first fault at the left.
function toTheFault() {
  const ends = (which) => [...byId('lanes').querySelectorAll(which)].map((each) => each.getBBox()).map(({ x, width }) => [x, x + width]);
  const from = Math.min(...ends('.fault').map(([left]) => left)) - STEP_WIDTH / 2 - 8;
  const until = Math.max(...ends('[role=img] + .request').map(([, right]) => right)) + 8;
  byId('lanes').scrollLeft = Math.max(0, Math.min(from, until - byId('lanes').clientWidth));
}

// The same moment in another room. What is chosen stays chosen, and who came by keyboard stays where they are.
function drawAnew() {
  if (!shown.length) return;
  const marks = () => [...byId('lanes').querySelectorAll('.request')];
  const at = marks().findIndex((each) => each.classList.contains('chosen'));
  byId('lanes').replaceChildren(picture(shown, byId('lanes').clientWidth));
  toTheFault();
  keepNames();
  if (at >= 0) encircle(marks()[at]);
}

// Whose lane it is can be read wherever the picture stands.
function keepNames() {
  for (const name of byId('lanes').querySelectorAll('.name')) name.setAttribute('x', LEFT - 12 + byId('lanes').scrollLeft);
}

// A sheet is as narrow as a small window, and cannot be moved: there the shortest picture has the largest letters.
function forPaper() {
  const [onScreen, at] = [[...byId('lanes').childNodes], byId('lanes').scrollLeft];
  if (shown.length) byId('lanes').replaceChildren(picture(shown, 0));
  addEventListener('afterprint', () => {
    byId('lanes').replaceChildren(...onScreen);
    byId('lanes').scrollLeft = at;
  }, { once: true });
}

// What is only seen is hidden from a screen reader, which hears instead whose lane it is, and the fault in words at its
// place among the requests.
function lane(cell, top, width, points) {
  const rail = top + 78;
  const title = `${cell.column}: ${withReason(cell.observed, cell.reason)}`;
  const name = drawn('text', { x: LEFT - 12, y: top + 24, class: 'name' });
  name.textContent = title;
  const rails = drawn('line', { x1: 12, x2: width - 12, y1: rail, y2: rail, class: 'rail' });
  const edges = faultTimes(cell).map((time) => position(points, time));
  const shade = edges.length ? shaded(edges, faultParts(cell), top + 34, LANE - 40) : [];
  const heard = [];
  let boot = null;
  cell.requests.forEach((request, index) => {
    heard.push(mark(cell, request, index, rail, points, request.boot && request.boot !== boot));
    boot = request.boot || boot;
  });
  if (cell.window) {
    const before = cell.requests.filter((request) => request.at < cell.window[0]).length;
    heard.splice(before, 0, faultInWords(cell, edges, top));
  }
  return drawn('g', { class: 'lane', role: 'group', 'aria-label': title },
    drawn('g', { 'aria-hidden': 'true' }, ...shade, name, rails), ...heard);
}

function faultInWords(cell, edges, top) {
  const [from, until] = cell.window;
  const label = `${cell.fault} in force from ${ms(from)} to ${ms(until)}${cell.restart ? `: ${splitInWords(cell.restart)}` : ''}`;
  // As large as what is shaded, so that who hears it and points finds it.
  return drawn('rect', {
    role: 'img', 'aria-label': label, x: edges[0], y: top + 34, width: edges[edges.length - 1] - edges[0], height: LANE - 40,
    fill: 'none', 'pointer-events': 'none',
  });
}

// Whenever another run answers than before, the mark says which.
function mark(cell, request, index, rail, points, another) {
  const kind = outcome(request);
  const from = position(points, request.at);
  const to = Math.max(position(points, request.at + request.took), from);
  const group = drawn('g', {
    class: `request is-${kind}`, tabindex: index === 0 ? 0 : -1, role: 'button',
    'aria-label': `${cell.column}: ${askedAndAnswered(request)}${another ? `, by ${shortRun(request.boot)}` : ''}`, 'data-step': request.step,
  });
  group.append(drawn('line', { x1: from, x2: to, y1: rail, y2: rail, class: 'wait' }));
  group.append(drawn('circle', { cx: to, cy: rail, r: 16, class: 'ring' }));
  // A larger invisible spot, so that a finger finds it.
  group.append(drawn('rect', { x: to - 22, y: rail - 24, width: 44, height: 64, fill: 'transparent' }));
  group.append(drawn('g', { transform: `translate(${to} ${rail})` }, sign(kind)));
  const step = drawn('text', { x: to, y: rail + 28, 'text-anchor': 'middle' });
  step.textContent = request.step;
  const status = drawn('text', { x: to, y: rail + 45, 'text-anchor': 'middle', class: 'small' });
  status.textContent = request.status === null ? request.failure : `${request.status}`;
  group.append(step, status);
  if (another) {
    const run = drawn('text', { x: to, y: rail - 18, 'text-anchor': 'middle', class: 'small' });
    run.textContent = shortRun(request.boot);
    group.append(run);
  }
  group.addEventListener('click', () => choose(group, cell, request));
  group.addEventListener('keydown', (event) => walk(event, group, cell, request));
  return group;
}

// `stateful-2.ab12cd34…` is said as `2 run ab12`.
function shortRun(boot) {
  const replica = boot.slice(0, boot.lastIndexOf('.'));
  return `${replica.slice(replica.lastIndexOf('-') + 1)} ${runOf(boot)}`;
}

function drawAxis(svg, points, y, width) {
  if (!points.length) return;
  const axis = drawn('g', { 'aria-hidden': 'true' });
  svg.append(axis);
  let last = -Infinity;
  const end = points[points.length - 1][0];
  for (const time of [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 60000]) {
    const x = position(points, time);
    if (time > end || x - last < 60 || x > width - 40) continue;
    const label = drawn('text', { x, y: y + 18, class: 'small', 'text-anchor': 'middle' });
    label.textContent = ms(time);
    axis.append(drawn('line', { x1: x, x2: x, y1: y - 4, y2: y + 4, class: 'rail' }), label);
    last = x;
  }
}

function choose(group, cell, request) {
  encircle(group);
  byId('detail').replaceChildren(...inFull(cell.column, request));
}

function encircle(group) {
  for (const other of byId('lanes').querySelectorAll('.request')) {
    other.classList.toggle('chosen', other === group);
    if (other.parentNode === group.parentNode) other.setAttribute('tabindex', other === group ? 0 : -1);
  }
}

// Left and right walk along a lane, up and down between lanes; Enter or space shows the request.
function walk(event, group, cell, request) {
  const lanes = [...byId('lanes').querySelectorAll('.lane')].map((each) => [...each.querySelectorAll('.request')]);
  const mine = lanes.findIndex((marks) => marks.includes(group));
  const at = lanes[mine].indexOf(group);
  const neighbour = (other) => other && other[Math.min(at, other.length - 1)];
  const next = ledTo(event, lanes[mine], group, {
    ArrowDown: () => neighbour(lanes[mine + 1]), ArrowUp: () => neighbour(lanes[mine - 1]),
    Enter: () => group, ' ': () => group,
  });
  if (!next) return;
  next.focus();
  next.dispatchEvent(new MouseEvent('click', { bubbles: true }));
}

// ---------------------------------------------------------------- what surrounds the picture

function verdictOf(cell) {
  const facts = [
    ['predicted', withReason(cell.predicted, cell.predicted_reason)],
    ['observed', `${withReason(cell.observed, cell.reason)}: ${DATA.meanings[cell.observed]}`],
    ['because', cell.because],
  ];
  if (cell.proof) facts.push(['proof', cell.proof]);
  if (cell.restart) {
    const down = cell.restart.reduce((sum, part) => sum + part);
    facts.push(['down', `${ms(down)}: ${splitInWords(cell.restart)}`]);
  }
  for (const note of cell.notes) facts.push(['note', note]);
  const list = element('dl');
  for (const [name, text] of facts) list.append(element('dt', {}, name), element('dd', {}, text));
  const agreement = cell.as_predicted ? 'as predicted' : cell.observed === 'NotAvailable' ? 'not tried' : 'not as predicted';
  const head = element('h3', {}, signInText(cell.observed), ` ${cell.column}: `, element('span', cell.as_predicted ? {} : { class: 'alarm' }, agreement));
  return element('article', { class: 'verdict' }, head, list);
}

function requestTable(cells) {
  const head = ['service', 'step', 'call', 'answer', 'sent at', 'took', 'run'];
  const table = element('table', {}, element('thead', {}, element('tr', {}, ...head.map((name) => element('th', { scope: 'col' }, name)))));
  const body = element('tbody');
  for (const cell of cells) {
    for (const request of cell.requests || []) {
      body.append(element('tr', {},
        element('th', { scope: 'row' }, cell.column), element('td', {}, request.step), element('td', {}, `${request.method} ${request.path}`),
        element('td', {}, signInText(outcome(request)), ` ${answerOf(request)}`), element('td', { class: 'number' }, ms(request.at)),
        element('td', { class: 'number' }, ms(request.took)), element('td', {}, request.boot || '–')));
    }
  }
  table.append(body);
  return table;
}

function show(choice) {
  chosen = choice;
  const cells = matching(choice);
  const flow = DATA.flows.find((known) => known.name === choice.flow);
  const fault = DATA.faults.find((known) => known.name === choice.fault);
  byId('promise').textContent = flow ? `The flow ${flow.name} promises: ${flow.promise}.` : '';
  byId('what').textContent = `${choice.fault}, ${choice.moment}: ${fault ? fault.what : ''}. Time runs to the right; quiet stretches are drawn shorter.`;
  shown = cells.filter((cell) => cell.requests !== null);
  byId('lanes').replaceChildren(...(shown.length ? [picture(shown, byId('lanes').clientWidth)] : [element('p', { style: 'padding: 0 1rem' }, 'The requests of this moment are in result.json; there was no room for them here.')]));
  toTheFault();
  byId('detail').replaceChildren('Choose a mark to see its request: click it, or Tab to a lane and use the arrow keys.');
  byId('verdicts').replaceChildren(...cells.map(verdictOf));
  byId('requests').replaceChildren(requestTable(shown));
  fillChoice();
  for (const button of document.querySelectorAll('button.square')) {
    button.setAttribute('aria-pressed', String(button.dataset.flow === choice.flow && button.dataset.fault === choice.fault));
  }
}

function fillChoice() {
  const only = (name, value) => (cell) => cell[name] === value;
  const inFlow = CELLS.filter(only('flow', chosen.flow));
  const inBoth = inFlow.filter(only('fault', chosen.fault));
  const boxes = [
    ['flow', inOrder(FLOW_NAMES, CELLS.map((cell) => cell.flow)), chosen.flow],
    ['fault', inOrder(FAULT_NAMES, inFlow.map((cell) => cell.fault)), chosen.fault],
    ['moment', inOrder(momentsOf(chosen.flow), inBoth.map(momentOf)), chosen.moment],
  ];
  for (const [name, values, value] of boxes) {
    let box = byId(`choose-${name}`);
    if (!box) {
      box = element('select', { id: `choose-${name}` });
      box.addEventListener('change', () => pick(name, box.value));
      byId('choice').append(element('label', { for: box.id }, name, box));
    }
    box.replaceChildren(...values.map((each) => element('option', {}, each)));
    box.value = value;
  }
}

// Keeps what can be kept of the present choice. A moment is shown though it has no picture only if it was asked for.
function pick(name, value) {
  const wish = { ...chosen, [name]: value };
  const here = (cell) => cell.flow === wish.flow && cell.fault === wish.fault;
  const now = (cell) => here(cell) && momentOf(cell) === wish.moment;
  const pictured = (fit) => (cell) => cell.requests !== null && fit(cell);
  const fits = [name === 'moment' ? now : pictured(now), pictured(here), here, (cell) => cell.flow === wish.flow];
  for (const fit of fits) {
    const cell = worst(CELLS.filter(fit));
    if (cell) return show({ flow: cell.flow, fault: cell.fault, moment: momentOf(cell) });
  }
}

// ---------------------------------------------------------------- the matrix

// So many squares say from the start why they were predicted; more would hide each other.
const FEW = 12;
const SEVERITY = ['NotAvailable', 'Inconclusive', 'Survived', 'Recovered', 'Unknown', 'Lost', 'Duplicated'];

function worst(cells) {
  return cells.reduce((bad, cell) => (!bad || SEVERITY.indexOf(cell.observed) > SEVERITY.indexOf(bad.observed) ? cell : bad), null);
}

// Of those that did not come as predicted.
const worstOdd = (cells) => worst(cells.filter((cell) => !cell.as_predicted && cell.observed !== 'NotAvailable'));

// What the place of a word says on a screen.
const onPaper = (text) => element('span', { class: 'on-paper' }, text);

function square(flow, fault, column) {
  const cells = CELLS.filter((cell) => cell.flow === flow && cell.fault === fault && cell.column === column);
  if (!cells.length) return element('td', { class: 'none' }, element('span', { class: 'faint' }, '–'));
  const odd = worstOdd(cells);
  const cell = odd || worst(cells);
  const agreement = odd ? element('span', { class: 'alarm' }, `predicted ${withReason(cell.predicted, cell.predicted_reason)}`)
    : element('span', { class: 'predicted' }, cell.observed === 'NotAvailable' ? 'not tried' : `predicted ${cell.predicted}`);
  // A list of ids has spaces between them, and a column may have one in it.
  const because = `because-${flow}-${fault}-${column}`.replaceAll(' ', '-');
  const button = element('button', {
    class: 'square', type: 'button', 'aria-describedby': because, 'data-flow': flow, 'data-fault': fault, 'aria-pressed': 'false',
  }, onPaper(`${column} `), signInText(cell.observed), ` ${withReason(cell.observed, cell.reason)} `, onPaper('· '), element('br'), agreement, onPaper(' · '));
  button.addEventListener('click', () => {
    show({ flow, fault, moment: momentOf(cell) });
    byId('picture-title').scrollIntoView({ block: 'start' });
  });
  return element('td', {}, button, element('p', { class: 'because', id: because }, cell.because));
}

function matrix() {
  const made = [];
  for (const flow of inOrder(FLOW_NAMES, CELLS.map((cell) => cell.flow))) {
    const known = DATA.flows.find((each) => each.name === flow);
    // On paper the title is the row that stands at the top of each page.
    const title = () => [flow, element('span', { class: 'faint' }, known ? ` · ${known.promise}` : '')];
    const table = element('table', {}, element('caption', {}, ...title()));
    const columns = COLUMNS.filter((column) => CELLS.some((cell) => cell.flow === flow && cell.column === column));
    table.append(element('thead', {}, element('tr', {}, element('th', { class: 'on-paper' }, ...title()), element('th', { scope: 'col' }, 'fault'), ...columns.map((column) => element('th', { scope: 'col' }, column)))));
    const body = element('tbody');
    for (const fault of inOrder(FAULT_NAMES, CELLS.filter((cell) => cell.flow === flow).map((cell) => cell.fault))) {
      body.append(element('tr', {}, element('th', { scope: 'row' }, fault), ...columns.map((column) => square(flow, fault, column))));
    }
    table.append(body);
    made.push(table);
  }
  byId('matrix').replaceChildren(...made);
}

// ---------------------------------------------------------------- all together

function counts() {
  const { as_predicted, deviated, inconclusive, not_available } = DATA.summary;
  const parts = [`${as_predicted} of ${DATA.cells.length} moments came as predicted`];
  if (deviated) parts.push(`${deviated} did not`);
  if (inconclusive) parts.push(`${inconclusive} prove nothing`);
  if (not_available) parts.push(`${not_available} were not tried`);
  return `${parts.join(', ')}.`;
}

function begin() {
  byId('summary').textContent = counts();
  byId('about').textContent = `Seed ${DATA.seed} · driver ${DATA.driver} · ${DATA.started_at.slice(0, 16).replace('T', ' ')} UTC · ${DATA.store}`;
  byId('cap').textContent = DATA.cap || '';
  for (const name of ['ok', 'refused', 'failed', 'silent']) byId('legend').append(element('li', {}, signInText(name), ` ${SIGNS[name][2]}`));
  byId('legend').append(element('li', {}, 'shaded: the fault is in force; of a restart first stop, gone and ready, then its proof'), element('li', {}, '“1 run ab12”: replica 1, and which of its runs answers from here on'));
  if (!CELLS.length) {
    byId('lanes').textContent = 'No moment was tried, so nothing is proven.';
    return;
  }
  matrix();
  byId('lanes').addEventListener('scroll', keepNames);
  addEventListener('beforeprint', forPaper);
  onAnotherRoom(byId('lanes'), drawAnew);
  const reasons = byId('reasons');
  const sayReasons = () => byId('matrix').classList.toggle('with-reasons', reasons.checked);
  reasons.checked = document.querySelectorAll('button.square').length <= FEW;
  reasons.addEventListener('change', sayReasons);
  sayReasons();
  const odd = worstOdd(CELLS);
  const first = odd || CELLS.find((cell) => cell.flow === 'cart' && cell.fault === 'kill') || CELLS[0];
  pick('flow', first.flow);
  pick('fault', first.fault);
  if (odd) pick('moment', momentOf(odd));
  document.body.dataset.drawn = 'yes';
}

begin();
