// The live page: events come from the tool, which outlives every restart it causes. So the page goes on
// drawing while a service is down, and that is what it is for.

// A unit of the picture is a pixel of the page, so that a phone shows its signs as large as a laptop; and half as much
// of the time, so that they do not become one line.
const [HEIGHT, LEFT, RIGHT, RAIL] = [110, 16, 16, 62];
let [WIDTH, SPAN] = measured();

function measured() {
  const width = roomOf(byId('lanes'));
  return [width, width < 600 ? 15000 : 30000];
}
const TOKEN = location.hash.slice(1);
const SERVICES = [...new Set(DATA.replicas.map(([service]) => service))];

// What was heard, newest last; what has left the picture is forgotten.
let requests = [];
let faults = [];
let boots = {};
// How far the tool's clock is ahead of ours. It is told by what it sends: events are never from the future.
let ahead = -Infinity;

const now = () => performance.now() + (ahead === -Infinity ? 0 : ahead);

function heard(event) {
  if (event.at_ms !== undefined) ahead = Math.max(ahead, event.at_ms + (event.ms || 0) - performance.now());
  const told = { request: request, ordered: ordered, over: over, replicas: replicas, lab: lab, class: handedIn }[event.kind];
  if (told) told(event);
}

// In the words of the other pages.
function request({ at_ms: at, ms: took, failure_reason: reason, boot_id: boot, ...rest }) {
  requests.push({ at, took, reason, boot, ...rest });
}

function ordered(event) {
  faults.push({ ...event, until_ms: null });
  note(event.number, `${event.how} ${event.target} …`);
}

function over(event) {
  const fault = faults.find((each) => each.number === event.number);
  if (!fault) return;
  fault.until_ms = event.at_ms;
  fault.restart = event.restart;
  const parts = partsOf(event.restart);
  const split = parts ? `; down ${ms(parts.reduce((sum, part) => sum + part))}: ${splitInWords(parts)}` : '';
  note(event.number, `${fault.how} ${fault.target}: ${event.proven ? '' : 'NOT PROVEN: '}${event.proof}${split}`);
}

function replicas(event) {
  for (const { name, boot_id: boot } of event.replicas) {
    boots[name] = boot;
    const state = byId(`boot-${name}`);
    if (state) state.textContent = boot ? runOf(boot) : 'no answer';
  }
}

function note(number, text) {
  let line = byId(`done-${number}`);
  if (!line) {
    line = element('li', { id: `done-${number}` });
    byId('log').prepend(line);
    while (byId('log').children.length > 50) byId('log').lastChild.remove();
  }
  line.textContent = text;
}

// ---------------------------------------------------------------- the lanes

// Where now is, on the tool's clock; the mark that is looked at, if one is.
let right = 0;
let chosen = null;

const x = (time) => LEFT + Math.max(0, 1 - (right - time) / SPAN) * (WIDTH - LEFT - RIGHT);
const marksOf = (service) => requests.filter((each) => each.service === service);

function lane(service) {
  const label = `${service}: its requests of the last ${SPAN / 1000} seconds`;
  const svg = drawn('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'load', role: 'application', tabindex: 0, 'data-service': service, 'aria-label': label, 'aria-describedby': 'keys' });
  // Anew ten times a second: a screen reader is told the last request and the chosen one, above and below.
  svg.append(drawn('g', { class: 'seen', 'aria-hidden': 'true' }));
  choosable(svg, () => marksOf(service), (each) => [x(each.at), RAIL], (each) => {
    chosen = each;
    byId('detail').replaceChildren(...inFull(service, each));
    draw();
  });
  return element('figure', {}, element('figcaption', {}, element('h3', { id: `state-${service}` }, service)), element('div', { class: 'lanes' }, svg));
}

function draw() {
  right = now();
  requests = requests.filter((each) => each.at > right - SPAN);
  faults = faults.filter((each) => each.until_ms === null || each.until_ms > right - SPAN);
  for (const svg of document.querySelectorAll('svg[data-service]')) {
    const service = svg.dataset.service;
    const parts = [drawn('line', { x1: LEFT, x2: WIDTH - RIGHT, y1: RAIL, y2: RAIL, class: 'rail' })];
    const rowEnds = [0, 0];
    for (const fault of faults) {
      const hit = DATA.replicas.find(([, name]) => name === fault.target);
      if (hit && hit[0] !== service) continue;
      const edges = edgesOf(fault.at_ms, partsOf(fault.restart), fault.until_ms === null ? right : fault.until_ms);
      parts.push(...shaded(edges.map(x), [], 8, HEIGHT - 16), ...named(`${fault.how} ${fault.target}`, x(edges[0]), rowEnds));
    }
    const mine = marksOf(service);
    for (const each of mine) {
      // What went well is small, so that what did not stands out.
      const size = outcome(each) === 'ok' ? 0.4 : 0.9;
      const mark = drawn('g', { transform: `translate(${x(each.at)} ${RAIL}) scale(${size})`, class: `is-${outcome(each)}`, 'data-status': String(each.status), 'data-at': each.at }, sign(outcome(each)));
      const title = drawn('title');
      title.textContent = inWords(each);
      mark.append(title);
      parts.push(mark);
    }
    if (mine.includes(chosen)) parts.push(drawn('circle', { cx: x(chosen.at), cy: RAIL, r: 13, class: 'here', 'data-at': chosen.at }));
    svg.querySelector('.seen').replaceChildren(...parts);
    const last = mine[mine.length - 1];
    const words = last ? `${service}: ${inWords(last)}` : service;
    byId(`state-${service}`).replaceChildren(...(last ? [signInText(outcome(last)), ` ${words}`] : [words]));
  }
}

// The name of a fault, in the first row where it lies upon no other; where both are full it is left to the log.
function named(text, from, rowEnds) {
  const wide = text.length * 7;
  const x = Math.min(from + 4, WIDTH - RIGHT - wide);
  const row = rowEnds.findIndex((end) => end <= x);
  if (row < 0) return [];
  rowEnds[row] = x + wide + 8;
  const label = drawn('text', { x, y: 22 + row * 16, class: 'small' });
  label.textContent = text;
  return [label];
}

function inWords({ step, status, failure, reason, took, replica, boot }) {
  const run = boot ? ` from ${replica} ${runOf(boot)}` : '';
  return `${step} ${answerOf({ status, failure, reason })}${run}, ${ms(took)}`;
}

// ---------------------------------------------------------------- the buttons

// What a button is called; in the log and in the tool a restart is `graceful`, so that it is not taken for a kill.
const CALLED = { graceful: 'restart', kill: 'kill', pause: 'pause' };

function targets() {
  for (const name of DATA.targets) {
    const row = element('div', { class: 'target', role: 'group', 'aria-label': name },
      element('span', { class: 'target-name' }, name, ' ', element('span', { id: `boot-${name}`, class: 'faint' })));
    for (const how of Object.keys(CALLED)) {
      const button = element('button', { type: 'button', class: 'act', 'data-target': name, 'data-how': how, 'aria-label': `${CALLED[how]} ${name}` }, CALLED[how]);
      button.addEventListener('click', () => press({ how, target: name }));
      row.append(button);
    }
    byId('targets').append(row);
  }
  byId('heal').addEventListener('click', () => byId('sure').showModal());
  byId('sure').addEventListener('close', () => { if (byId('sure').returnValue === 'yes') press({ how: 'heal' }); });
  if (!TOKEN) {
    for (const button of document.querySelectorAll('button.act')) button.disabled = true;
    byId('link').textContent = 'Looking only: this address has no token. The one that chaos show has printed has it.';
  }
}

async function press(act) {
  try {
    const answer = await fetch('/act', { method: 'POST', headers: { 'x-show-token': TOKEN }, body: JSON.stringify(act) });
    if (!answer.ok) byId('link').textContent = await answer.text();
  } catch (error) {
    byId('link').textContent = 'The tool does not answer; is chaos show still running?';
  }
}

// ---------------------------------------------------------------- the lab, and the class

// Which lab is worked on; its predictions are the ones to look at.
let labNow = null;

function lab({ lab: now }) {
  const before = labNow;
  labNow = now ? now.number : null;
  byId('lab').hidden = !now;
  if (!now) return;
  const predictions = byId(`predicted-${labNow}`);
  if (predictions && labNow !== before) predictions.open = true;
  byId('lab-title').textContent = `Lab ${now.number}: ${now.title}`;
  byId('lab-question').textContent = now.question;
  byId('lab-steps').replaceChildren(...now.steps.map((step, at) => element('li', at === now.place ? { 'aria-current': 'step' } : {}, step.split(':')[0])));
  byId('lab-step').textContent = now.place === null ? 'All of it is done.' : now.steps[now.place];
}

function handedIn({ class: told, why }) {
  byId('class').hidden = false;
  // What was handed in before is still worth looking at while the folder is away.
  if (!told) { byId('class-about').textContent = why; return; }
  const unread = told.unread.length ? `, ${told.unread.length} not read` : '';
  byId('class-about').textContent = told.students.length || unread ? `${told.students.length} handed in${unread}` : 'Nobody has handed in yet.';
  const parts = [whereTheyAre(told.students), ...predicted(told.questions), common(told.misconceptions)];
  parts.push(plain('To look at', told.notes), plain('Not read', told.unread.map((each) => `${each.file} ${each.why}: ${each.cure}`)));
  replaceParts(told.students.length || unread ? parts.filter((part) => part !== null) : []);
}

// What somebody has opened stays open, and the focus stays where it was.
function replaceParts(parts) {
  const focused = document.activeElement.closest('#class-parts details');
  for (const part of parts) {
    const before = part.id ? byId(part.id) : null;
    if (before && before.tagName === 'DETAILS') part.open = before.open;
  }
  byId('class-parts').replaceChildren(...parts);
  const again = focused && byId(focused.id);
  if (again) again.querySelector('summary').focus();
}

function whereTheyAre(students) {
  if (!students.length) return null;
  const places = students.map(({ name, now }) => element('li', {}, element('strong', {}, `${name}:`), ` ${now ? place(now) : 'between two labs'}`));
  return element('div', {}, element('h3', {}, 'Who is where'), element('ul', { class: 'places' }, ...places));
}

function place({ lab: number, step, hints, shown }) {
  return `lab ${number}, ${step}${hints ? `; hints: ${hints}` : ''}${shown ? '; the answer was shown' : ''}`;
}

// Which verdict is right is not said here: the room may be predicting still.
function predicted(questions) {
  if (!questions.length) return [];
  const labs = [...new Set(questions.map(({ lab: number }) => number))];
  const shown = labs.includes(labNow) ? labNow : labs[labs.length - 1];
  const folds = labs.map((number) => {
    const own = questions.filter((each) => each.lab === number);
    const fold = element('details', { id: `predicted-${number}`, class: 'fold' }, element('summary', {}, `Lab ${number}: ${own[0].title}`), ...own.map(question));
    fold.open = number === shown;
    return fold;
  });
  return [element('h3', {}, 'Who predicted what'), ...folds];
}

// In words only: the signs and colours of the verdicts would read as right and wrong here.
function question({ key, ask, cell, of, verdicts }) {
  const names = (who) => who.map((each) => (each.now ? `${each.name} (now ${each.now})` : each.name)).join(', ');
  const rows = verdicts.map(({ verdict, who }) => element('tr', {}, element('th', { scope: 'row' }, verdict),
    element('td', { class: 'number' }, `${who.length} of ${of}`), element('td', {}, names(who))));
  return element('div', { class: 'question' }, element('p', {}, element('strong', {}, key), ` · ${ask}`), element('p', { class: 'faint' }, cell),
    element('table', { 'aria-label': key }, element('tbody', {}, ...rows)));
}

function common(misconceptions) {
  const items = misconceptions.map(({ lab: number, key, said, right, count, of, idea }) => element('li', {},
    element('strong', {}, `lab ${number}, ${key}: ${count} of ${of} said ${said}; it is ${right}`), element('p', {}, idea)));
  const none = element('p', {}, 'None: no wrong verdict is shared by two, and by a fifth of those who answered.');
  return element('details', { id: 'common', class: 'fold' }, element('summary', {}, 'Common misconceptions', element('span', { class: 'faint' }, ' · says which verdicts are right')), items.length ? element('ul', {}, ...items) : none);
}

function plain(title, lines) {
  if (!lines.length) return null;
  return element('div', {}, element('h3', {}, title), element('ul', { class: 'lines' }, ...lines.map((line) => element('li', {}, line))));
}

// ---------------------------------------------------------------- all together

function listen() {
  const events = new EventSource('/events');
  events.onopen = () => {
    // After a gap everything of the last minute is told again, perhaps by another show with a clock of its own.
    [requests, faults] = [[], []];
    ahead = -Infinity;
    byId('log').replaceChildren();
    if (TOKEN) byId('link').textContent = '';
  };
  events.onmessage = ({ data }) => heard(JSON.parse(data));
  events.onerror = () => { byId('link').textContent = 'The tool does not answer; trying again.'; };
}

function begin() {
  byId('about').textContent = `Lab ${DATA.lab} · ${DATA.store}`;
  for (const name of ['ok', 'refused', 'failed', 'silent']) byId('legend').append(element('li', {}, signInText(name), ` ${SIGNS[name][2]}`));
  byId('legend').append(element('li', {}, 'shaded: a fault is in force'));
  const lanes = () => {
    [WIDTH, SPAN] = measured();
    byId('span').textContent = `The last ${SPAN / 1000} seconds; now is at the right.`;
    byId('lanes').replaceChildren(...SERVICES.map(lane));
  };
  lanes();
  onAnotherRoom(byId('lanes'), () => { lanes(); draw(); });
  byId('detail').textContent = 'Click near a mark to see its request, or Tab to a lane: left and right for the next, up and down for the next that did not succeed.';
  targets();
  listen();
  // Who asked for less motion gets a picture every second.
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  setInterval(draw, still ? 1000 : 100);
  draw();
  document.body.dataset.drawn = 'yes';
}

begin();
