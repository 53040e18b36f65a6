// The page of one load: a lane for each service, a mark for each request, and the faults between them.

// A unit of the picture is a pixel of the page, so that a phone shows its letters as large as a laptop.
let WIDTH = roomOf(byId('lanes'));
const HEIGHT = 230;
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 12, 30, 30];
const KINDS = ['ok', 'refused', 'failed', 'silent'];

const SERVICES = DATA.services.map((service) => ({
  ...service,
  requests: service.requests.map(([client, flow, step, method, path, at, took, status, failure, reason, boot, replica]) => ({
    client, flow: word(flow), step: word(step), method: word(method), path: word(path), at, took, status,
    failure: word(failure), reason: word(reason), boot: word(boot), replica: word(replica),
  })),
}));
const END = Math.max(1, ...SERVICES.flatMap((service) => service.requests.map((request) => request.at + request.took)));

// Which part of the time the picture shows: all of it, or one fault with a little on both sides.
let [from, until] = [0, END];

const x = (time) => LEFT + ((time - from) / (until - from)) * (WIDTH - LEFT - RIGHT);
// A fault can reach out of the picture.
const inside = (x) => Math.min(Math.max(x, LEFT), WIDTH - RIGHT);
// From a tenth of a millisecond at the bottom to ten seconds at the top.
const y = (took) => {
  const share = (Math.log10(Math.min(Math.max(took, 0.1), 10000)) + 1) / 5;
  return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);
};

// One path for all marks of a kind: thousands of single ones would make an old laptop slow.
const SHAPES = {
  ok: (a, b) => `M ${a} ${b} h 0.01`,
  refused: (a, b) => `M ${a} ${b - 5} l 5 5 l -5 5 l -5 -5 z`,
  failed: (a, b) => `M ${a} ${b - 5} l 5 9 h -10 z`,
  silent: (a, b) => `M ${a - 4} ${b - 4} h 8 v 8 h -8 z m 0 0 l 8 8 m 0 -8 l -8 8`,
};

function lane(service) {
  const svg = drawn('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'load', role: 'application', tabindex: 0, 'aria-label': inWords(service), 'aria-describedby': 'keys' });
  // A screen reader hears the lane in words, and of each mark that is walked to.
  const seen = drawn('g', { 'aria-hidden': 'true' });
  svg.append(seen);
  for (const outage of service.outages.filter((each) => each.until_ms >= from && each.from_ms <= until)) {
    const edges = edgesOf(outage.from_ms, partsOf(outage.restart), outage.until_ms);
    const names = outage.restart ? PARTS : [outage.fault];
    seen.append(...shaded(edges.map(x).map(inside), names, TOP, HEIGHT - TOP - BOTTOM));
  }
  for (const took of [0.1, 1, 10, 100, 1000, 10000]) {
    const label = drawn('text', { x: LEFT - 8, y: y(took) + 4, 'text-anchor': 'end', class: 'small' });
    label.textContent = took < 1000 ? `${took} ms` : `${took / 1000} s`;
    seen.append(drawn('line', { x1: LEFT, x2: WIDTH - RIGHT, y1: y(took), y2: y(took), class: 'grid' }), label);
  }
  seen.append(...times());
  const requests = service.requests.filter((request) => request.at >= from && request.at <= until);
  for (const each of KINDS) {
    const marks = requests.filter((request) => outcome(request) === each);
    const d = marks.map((request) => SHAPES[each](Math.round(x(request.at) * 10) / 10, Math.round(y(request.took) * 10) / 10)).join(' ');
    if (d) seen.append(drawn('path', { d, class: `mark is-${each} mark-${each}`, 'data-count': marks.length }));
  }
  const here = drawn('circle', { r: 9, class: 'here', visibility: 'hidden' });
  seen.append(here);
  choosable(svg, () => requests, (request) => [x(request.at), y(request.took)], (request) => tell(request, here, service));
  return element('figure', {}, element('figcaption', {}, element('h3', {}, service.service), element('p', {}, cameTo(service))), element('div', { class: 'lanes' }, svg));
}

// What time it is along the lower edge, at round numbers that have room for themselves.
function times() {
  const least = ((until - from) / (WIDTH - LEFT - RIGHT)) * 64;
  const tens = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((each) => each * tens).find((each) => each >= least);
  const digits = Math.max(0, Math.ceil(3 - Math.log10(step)));
  const labels = [];
  for (let time = Math.ceil(from / step) * step; time <= until; time += step) {
    const label = drawn('text', { x: x(time), y: HEIGHT - 8, 'text-anchor': 'middle', class: 'small' });
    label.textContent = `${(time / 1000).toFixed(digits)} s`;
    labels.push(label);
  }
  return labels;
}

// Most faults are over so soon that in the whole picture their parts lie upon each other; one by one they do not.
function chooseTime() {
  const strikes = [];
  for (const { outages: all } of SERVICES) {
    all.forEach((outage, number) => {
      const { fault, since, till } = strikes[number] || { fault: outage.fault, since: Infinity, till: -Infinity };
      strikes[number] = { fault, since: Math.min(since, outage.from_ms), till: Math.max(till, outage.until_ms) };
    });
  }
  if (!strikes.length) return;
  const box = element('select', { id: 'choose-time' }, element('option', { value: -1 }, 'all of it'),
    ...strikes.map(({ fault, since }, number) => element('option', { value: number }, `${number + 1}: ${fault} at ${(since / 1000).toFixed(1)} s`)));
  box.addEventListener('change', () => {
    const strike = strikes[box.value];
    const beside = strike && Math.max(5, (strike.till - strike.since) / 4);
    [from, until] = strike ? [strike.since - beside, strike.till + beside] : [0, END];
    byId('lanes').replaceChildren(...SERVICES.map(lane));
  });
  byId('choice').append(element('label', { for: box.id }, 'time', box));
}

// Shows a request in words, and where it is in the picture.
function tell(told, here, service) {
  for (const [name, value] of [['cx', x(told.at)], ['cy', y(told.took)], ['visibility', 'visible']]) here.setAttribute(name, value);
  byId('detail').replaceChildren(...inFull(`${service.service}, client ${told.client}, ${told.flow}`, told, 'due'));
}

function percent(share) {
  return `${(share * 100).toFixed(2)} %`;
}

function inWords(service) {
  const { tally } = service;
  return `${service.service}: ${tally.requests} requests, ${percent(tally.availability)} answered, ${service.outages.length} faults; `
    + `half of the clients waited ${ms(tally.outside.p50_ms)} without and ${ms(tally.during.p50_ms)} where one met them`;
}

// What there is to say to somebody who reads one sentence.
function cameTo({ tally, outages: all, flows: byFlow }) {
  const verdicts = {};
  for (const [verdict, count] of Object.values(byFlow).flatMap(Object.entries)) {
    const name = verdict.split(' ')[0];
    verdicts[name] = (verdicts[name] || 0) + count;
  }
  const known = ['Survived', 'Recovered', 'Unknown', 'Lost', 'Duplicated'].filter((name) => verdicts[name]);
  const flows = known.reduce((sum, name) => sum + verdicts[name], 0);
  const names = [...new Set(all.map((outage) => outage.fault))].join(', ');
  const struck = all.length ? `${all.length} × ${names}` : 'no fault';
  const came = flows ? `Of ${flows} flows: ${known.map((name) => `${verdicts[name]} ${name}`).join(', ')}` : 'No flow came to its end';
  return `${struck}. ${came}. ${tally.requests} requests, ${percent(tally.availability)} answered.`;
}

function table(caption, head, rows) {
  const made = element('table', {}, element('caption', {}, caption),
    element('thead', {}, element('tr', {}, ...head.map((name) => element('th', { scope: 'col' }, name)))));
  const body = element('tbody');
  for (const [first, ...rest] of rows) {
    body.append(element('tr', {}, element('th', { scope: 'row' }, first), ...rest.map((cell) => element('td', cell.length > 30 ? { class: 'long' } : {}, cell))));
  }
  made.append(body);
  return made;
}

function answered() {
  const rows = SERVICES.map(({ service, tally, outages: all }) => [
    service, `${tally.requests}`, `${tally.unsent || 0}`, `${tally.per_second.toFixed(0)}`, percent(tally.availability), `${all.length}, ${all.filter((outage) => outage.proven).length} proven`,
  ]);
  return table('All requests', ['', 'requests', 'due and never sent', 'a second', 'answered', 'faults'], rows);
}

// What is not as it must be, client by client; nothing where all is.
function wrongs() {
  const rows = SERVICES.flatMap(({ service, violations, unexplained }) => [
    ...violations.map(({ client, reason, why }) => [service, `client ${client}`, reason, why]),
    ...unexplained.map(({ client, flow, verdict, reason }) => [service, `client ${client}`, `${flow}: ${withReason(verdict, reason)}`, 'no fault explains it']),
  ]);
  return rows.length ? [table('Not as it must be', ['service', 'client', 'what', 'why'], rows.slice(0, 50))] : [];
}

function numbers() {
  const rows = [];
  for (const { service, tally } of SERVICES) {
    for (const [name, latency] of [['no fault', tally.outside], ['met one', tally.during]]) {
      rows.push([`${service}, ${name}`, `${latency.requests}`, ms(latency.p50_ms), ms(latency.p90_ms), ms(latency.p99_ms), ms(latency.max_ms)]);
    }
  }
  return table('Waited, from the appointed time of a request to its end', ['', 'requests', 'p50', 'p90', 'p99', 'longest'], rows);
}

function flows() {
  const rows = [];
  for (const { service, flows: byFlow } of SERVICES) {
    for (const [flow, verdicts] of Object.entries(byFlow)) {
      for (const [verdict, count] of Object.entries(verdicts)) {
        const cell = element('span', {}, signInText(verdict.split(' ')[0]), ` ${verdict}`);
        rows.push([service, flow, cell, `${count}`]);
      }
    }
  }
  return table('Flows by verdict', ['service', 'flow', 'verdict', 'how many'], rows);
}

function outages() {
  const rows = [];
  for (const { service, outages: all } of SERVICES) {
    for (const outage of all) {
      const { restart } = outage;
      const split = restart ? splitInWords(partsOf(restart)) : '–';
      rows.push([`${service}, at ${ms(outage.from_ms)}`, outage.fault, outage.replica || 'all', ms(outage.until_ms - outage.from_ms), split, outage.proven ? 'proven' : 'not proven', outage.proof]);
    }
  }
  return table('Every time the fault struck', ['when', 'fault', 'replica', 'in force', 'split', '', 'proof'], rows);
}

function begin() {
  const more = DATA.conclusion === 'wrong' ? ': see below; load.json names all of it' : '';
  byId('summary').textContent = `${DATA.says[0].toUpperCase()}${DATA.says.slice(1)}${more}.`;
  byId('about').textContent = `${DATA.clients} clients a service, a request every ${DATA.pace_ms} ms each · seed ${DATA.seed} · ${DATA.started_at.slice(0, 16).replace('T', ' ')} UTC · ${DATA.store}`;
  byId('cap').textContent = DATA.cap || '';
  for (const each of KINDS) byId('legend').append(element('li', {}, signInText(each), ` ${SIGNS[each][2]}`));
  chooseTime();
  const drawLanes = () => byId('lanes').replaceChildren(...SERVICES.map(lane));
  drawLanes();
  onAnotherRoom(byId('lanes'), () => { WIDTH = roomOf(byId('lanes')); drawLanes(); });
  byId('detail').textContent = 'Click near a mark to see its request, or Tab to a lane: left and right for the next, up and down for the next that did not succeed.';
  byId('numbers').replaceChildren(...wrongs(), answered(), numbers());
  byId('flows').replaceChildren(flows());
  byId('outages').replaceChildren(outages());
  document.body.dataset.drawn = 'yes';
}

begin();
