// What the pages do beyond links and forms: they stay up to date, and sheets
// open as dialogs. Without it everything still works, on pages of its own.
(function () {
  'use strict';

  const soon = 200; // ms between an event and the refresh that it asks for
  const patience = 1000; // ms until a refresh is said to take long
  const again = 5000; // ms until a lost connection is made again
  const state = document.getElementById('state');
  const dialog = document.getElementById('dialog');
  const region = () => document.getElementById('live');

  let source = null; // of events
  let timer = 0; // of the next refresh
  let slow = 0; // of saying that a refresh takes long
  let retry = 0; // of the next connection
  let loading = false;
  let wanted = false; // a refresh was asked for while another one ran

  // Folds keep as the reader left them, ticks and texts as they were entered.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = function (name, node) {
    return !(name === 'open' && node.localName === 'details' && nameOf(node) === null) && !(name === 'checked' && node.localName === 'input');
  };

  // A refresh may take an element for another fold, or take a fold away until
  // the next one: those that have a name are found again by it.
  const folds = new Map(); // whether each is open

  // nameOf is an id, or the way through a document from one; null for a fold
  // that can not be told from others.
  function nameOf(fold) {
    if (fold.id) { return fold.id; }
    const above = fold.parentElement.closest('details, [id]');
    if (!above || above.id === 'live') { return null; }
    const begin = above.localName === 'details' ? nameOf(above) : above.id;
    const key = fold.querySelector(':scope > summary > .key');
    return begin === null ? null : JSON.stringify([begin, key ? key.textContent : '']);
  }

  function eachFold(f) {
    region().querySelectorAll('details').forEach(function (fold) {
      const name = nameOf(fold);
      if (name !== null) { f(fold, name); }
    });
  }

  function say(word) {
    const text = state.dataset[word] || '';
    if (state.textContent !== text) { state.textContent = text; }
    state.dataset.is = word;
  }

  // held reports whether a refresh would take away what somebody works at.
  function held() {
    return dialog.open || document.hidden || region().querySelector('input[data-tick]:checked') !== null;
  }

  function refresh() {
    timer = 0;
    if (held()) {
      wanted = true;
      if (!dialog.open && !document.hidden) { say('held'); }
      return;
    }
    if (loading) { wanted = true; return; }
    wanted = false;
    htmx.trigger(region(), 'console:refresh');
  }

  function refreshSoon() {
    if (!timer) { timer = setTimeout(refresh, soon); }
  }

  function idle() {
    if (source) { say(source.readyState === EventSource.OPEN ? 'live' : 'lost'); } else if (region().dataset.every) { say('polled'); }
  }

  function listen() {
    const query = region().dataset.events;
    if (!query || source || document.hidden) { return; }
    source = new EventSource('/events?' + query);
    source.onopen = function () { say('live'); refreshSoon(); };
    source.onerror = function () {
      say('lost');
      if (source && source.readyState === EventSource.CLOSED) {
        source = null;
        clearTimeout(retry);
        retry = setTimeout(listen, again);
      }
    };
    for (const kind of ['transition', 'progress', 'log', 'resume', 'gap']) { source.addEventListener(kind, refreshSoon); }
  }

  function hush() {
    clearTimeout(retry);
    if (source) { source.close(); source = null; }
  }

  // A log that is read at its end stays there.
  const atEnd = new Map();
  document.addEventListener('htmx:beforeSwap', function () {
    eachFold(function (fold, name) { folds.set(name, fold.open); });
    document.querySelectorAll('[data-follow]').forEach(function (box) {
      atEnd.set(box.id, box.scrollHeight - box.scrollTop - box.clientHeight < 8);
    });
  });

  document.addEventListener('htmx:beforeRequest', function (e) {
    if (e.target !== region()) { return; }
    loading = true;
    region().setAttribute('aria-busy', 'true');
    slow = setTimeout(function () { say('loading'); }, patience);
  });
  document.addEventListener('htmx:afterRequest', function (e) {
    if (e.detail.elt.id !== 'live') { return; }
    loading = false;
    clearTimeout(slow);
    region().removeAttribute('aria-busy');
    if (e.detail.successful) { idle(); } else { say('lost'); }
    if (wanted) { refreshSoon(); }
  });
  document.addEventListener('htmx:afterSwap', function () {
    eachFold(function (fold, name) { if (folds.has(name)) { fold.open = folds.get(name); } });
  });
  document.addEventListener('htmx:afterSettle', function (e) {
    if (e.target.id !== 'live') { return; }
    follow();
    document.dispatchEvent(new CustomEvent('console:refreshed'));
  });

  // What a part of the page could not be told stands in its place.
  document.addEventListener('htmx:responseError', function (e) {
    if (e.detail.target.id === 'live') { return; }
    const page = new DOMParser().parseFromString(e.detail.xhr.responseText, 'text/html');
    const said = page.querySelector('.problem');
    if (said) { e.detail.target.replaceChildren(document.adoptNode(said)); }
  });

  function follow() {
    document.querySelectorAll('[data-follow]').forEach(function (box) {
      if (atEnd.get(box.id) !== false) { box.scrollTop = box.scrollHeight; }
    });
  }

  document.addEventListener('visibilitychange', function () {
    if (document.hidden) { hush(); } else { listen(); refreshSoon(); }
  });
  document.addEventListener('change', function (e) {
    const all = e.target.closest('input[data-tick-all]');
    if (all) { region().querySelectorAll('input[data-tick]').forEach(function (box) { box.checked = all.checked; }); }
    if (e.target.matches('input[data-tick], input[data-tick-all]') && wanted && !held()) { refreshSoon(); }
  });

  // Sheets.
  async function open(link) {
    if (dialog.open) { return; }
    const answer = await fetch(link.href, { headers: { Accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const sheet = page.getElementById('sheet');
    if (!answer.ok || !sheet) { location.assign(link.href); return; }
    if (dialog.open) { return; } // the link was followed twice
    const heading = document.createElement('h2');
    heading.id = 'sheet-title';
    // The focus begins at the heading: a key that is held down confirms nothing.
    heading.tabIndex = -1;
    heading.autofocus = true;
    heading.textContent = page.querySelector('h1').textContent;
    dialog.replaceChildren(heading, document.adoptNode(sheet));
    htmx.process(dialog);
    dialog.showModal();
  }
  document.addEventListener('click', function (e) {
    const close = e.target.closest('[data-close]');
    if (close && dialog.open) { e.preventDefault(); dialog.close(); return; }
    const link = e.target.closest('a[data-sheet]');
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) { return; }
    e.preventDefault();
    open(link).catch(function () { location.assign(link.href); });
  });
  dialog.addEventListener('close', function () {
    dialog.replaceChildren();
    if (wanted) { refreshSoon(); }
  });

  // What is sent is sent once.
  document.addEventListener('submit', function (e) {
    if (e.target.method !== 'post' || e.defaultPrevented) { return; }
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    e.target.dataset.sent = 'yes';
    e.target.setAttribute('aria-busy', 'true');
  });
  window.addEventListener('pageshow', function () {
    document.querySelectorAll('form[data-sent]').forEach(function (form) { delete form.dataset.sent; form.removeAttribute('aria-busy'); });
  });

  follow();
  if (region().dataset.every) {
    say('polled');
    setInterval(refresh, 1000 * Number(region().dataset.every));
  }
  listen();
})();
