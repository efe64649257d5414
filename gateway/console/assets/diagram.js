// The diagram of a model, and on it what the rows of the page say of each
// element. Whoever can not see it reads the rows.
(function () {
  'use strict';

  const box = document.getElementById('diagram');
  if (!box || !window.BpmnJS) { return; }
  const area = box.querySelector('.drawing');
  const said = box.querySelector('[role="status"]');
  const order = ['failed', 'running', 'waiting', 'canceled', 'ok', 'other'];

  const line = 'var(--diagram-line)', fill = 'var(--diagram-fill)';
  const viewer = new window.BpmnJS({
    container: area,
    bpmnRenderer: { defaultStrokeColor: line, defaultFillColor: fill, defaultLabelColor: line },
    textRenderer: { defaultStyle: { fontFamily: 'inherit' } },
    zoomScroll: { enabled: false }, // the wheel moves the page
  });
  let marked = new Map(); // what is shown of elements
  let fitted = 0; // width that it was fit to

  // draw shows the drawing of the process, of those that the file has.
  async function draw() {
    const answer = await fetch(box.dataset.model);
    if (!answer.ok) { throw new Error(await answer.text()); }
    await viewer.importXML(await answer.text()).catch(function (e) { if (!viewer.getDefinitions()) { throw e; } });
    const key = box.dataset.key;
    const mine = (viewer.getDefinitions().diagrams || []).find(function (d) {
      const on = d.plane && d.plane.bpmnElement;
      return on && (on.id === key || (on.participants || []).some(function (p) { return p.processRef && p.processRef.id === key; }));
    });
    if (!mine) { throw new Error('no drawing'); }
    await viewer.open(mine);
    fit();
    mark();
    box.dataset.drawn = 'yes';
  }

  // fit shows all of it, in no more room than it needs.
  function fit() {
    const canvas = viewer.get('canvas');
    const all = canvas.viewbox().inner, margin = 40, most = Math.min(416, 0.6 * window.innerHeight);
    if (!(all.width > 0 && all.height > 0 && area.clientWidth > margin && most > margin)) { return; } // it is not shown now
    const scale = Math.min(1, area.clientWidth / (all.width + margin), most / (all.height + margin));
    area.style.height = Math.round(Math.max(140, Math.min(most, (all.height + margin) * scale))) + 'px';
    canvas.resized();
    canvas.zoom('fit-viewport', 'auto');
    fitted = area.clientWidth;
  }

  // state tells what the rows say of an element: of those that are not at their
  // end the worst, or else the last.
  function state(rows) {
    const open = rows.filter(function (r) { return r.hasAttribute('data-open'); });
    const best = open.slice().sort(function (a, b) { return order.indexOf(a.dataset.kind) - order.indexOf(b.dataset.kind); })[0];
    const shown = best || rows[rows.length - 1];
    return { kind: shown.dataset.kind, sign: shown.dataset.sign, word: shown.dataset.word, count: open.length || rows.length, token: open.length > 0 };
  }

  function mark() {
    const canvas = viewer.get('canvas'), overlays = viewer.get('overlays'), known = viewer.get('elementRegistry');
    const rows = new Map();
    document.querySelectorAll('tr[data-element]').forEach(function (row) {
      const id = row.dataset.element;
      if (!known.get(id)) { return; }
      if (!rows.has(id)) { rows.set(id, []); }
      rows.get(id).push(row);
    });
    const next = new Map();
    rows.forEach(function (all, id) {
      const now = state(all);
      next.set(id, [now.kind, now.sign, now.word, now.count, now.token].join('|'));
      if (marked.get(id) === next.get(id)) { return; }
      unmark(canvas, overlays, id);
      canvas.addMarker(id, 'is-' + now.kind);
      if (now.token) { canvas.addMarker(id, 'has-token'); }
      overlays.add(id, 'state', { position: { top: -12, right: 14 }, html: badge(now) });
    });
    marked.forEach(function (_, id) { if (!next.has(id)) { unmark(canvas, overlays, id); } });
    marked = next;
  }

  function unmark(canvas, overlays, id) {
    order.forEach(function (kind) { canvas.removeMarker(id, 'is-' + kind); });
    canvas.removeMarker(id, 'has-token');
    overlays.remove({ element: id, type: 'state' });
  }

  function badge(now) {
    const el = document.createElement('span');
    el.className = 'pill badge ' + now.kind;
    el.textContent = now.sign + (now.count > 1 ? ' ' + now.count : '');
    el.title = now.word;
    return el;
  }

  // An element leads to its row.
  viewer.on('element.click', function (e) {
    const row = document.querySelector('tr[data-element="' + CSS.escape(e.element.id) + '"]');
    if (!row) { return; }
    row.scrollIntoView({ block: 'center' });
    const link = row.querySelector('a');
    if (link) { link.focus(); }
  });

  box.addEventListener('click', function (e) {
    const button = e.target.closest('button[data-zoom]');
    if (!button || !box.dataset.drawn) { return; }
    const canvas = viewer.get('canvas');
    if (button.dataset.zoom === 'fit') { fit(); return; }
    canvas.zoom(Math.min(4, Math.max(0.1, canvas.zoom() * (button.dataset.zoom === 'in' ? 1.25 : 0.8))));
  });
  area.addEventListener('keydown', function (e) {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[e.key];
    if (!step || e.target !== area || !box.dataset.drawn) { return; }
    e.preventDefault();
    viewer.get('canvas').scroll({ dx: step[0], dy: step[1] });
  });
  document.addEventListener('console:refreshed', function () { if (box.dataset.drawn) { mark(); } });

  new ResizeObserver(function () {
    if (box.dataset.drawn && area.clientWidth !== fitted) { requestAnimationFrame(fit); }
  }).observe(area);

  box.hidden = false;
  draw().then(function () { said.textContent = ''; }, function () {
    said.textContent = box.dataset.failed;
    area.hidden = true;
  });
})();
