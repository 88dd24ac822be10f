// The users: search as one types, filters, order, and any page of them. All of it is in the address.

import { breakable, button, fill, h, icon, newId } from './dom.js?v=VERSION';
import { counted, time, day } from './format.js?v=VERSION';
import { empty, loading, problem } from './notice.js?v=VERSION';
import { makePager } from './pager.js?v=VERSION';
import { link, rewrite } from './router.js?v=VERSION';
import { makeTable } from './table.js?v=VERSION';
import { listUsers, PLANS, SCOPES } from './users-api.js?v=VERSION';

export const title = 'Users';

const LIMITS = [25, 50, 100, 250];
const SORTS = ['created', 'username', 'email'];
const FILTERS = ['scope', 'plan', 'vendor', 'isActive'];
/** How long nobody types before it is asked for. */
const PAUSE = 200;
/** The server takes no offset beyond. */
const MAX_OFFSET = 4_294_967_295;

/** What an address asks for; what makes no sense in it is as if it were not there. */
function read(query) {
  const limit = LIMITS.find((n) => String(n) === query.get('limit')) ?? LIMITS[0];
  const [key, order] = (query.get('sort') ?? '').split(':');
  const sort = SORTS.includes(key) ? [key, order !== '-1'] : ['created', false];
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? '']));
  const most = Math.floor(MAX_OFFSET / limit) + 1;
  const page = Math.min(Math.max(Math.trunc(Number(query.get('page'))) || 1, 1), most);
  return { pattern: query.get('pattern') ?? '', filters, sort, limit, page };
}

function write({ pattern, filters, sort, limit, page }) {
  const query = {};
  if (pattern) query.pattern = pattern;
  for (const [name, value] of Object.entries(filters)) if (value) query[name] = value;
  if (sort[0] !== 'created' || sort[1]) query.sort = `${sort[0]}:${sort[1] ? 1 : -1}`;
  if (limit !== LIMITS[0]) query.limit = limit;
  if (page > 1) query.page = page;
  return link(['users'], query);
}

const COLUMNS = [
  {
    label: 'Username', sort: 'username', className: 'main-cell',
    cell: (user) => h('a', { href: link(['users', user.id]) }, breakable(user.username)),
  },
  {
    label: 'Email', sort: 'email', className: 'main-cell',
    cell: (user) => (user.email === user.username ? h('span', { class: 'muted' }, 'the same') : breakable(user.email)),
  },
  { label: 'Scopes', cell: (user) => user.scope.map((scope) => h('span', { class: 'tag' }, scope)) },
  { label: 'Plan', cell: (user) => user.plan },
  { label: 'Vendor', cell: (user) => user.vendor?.join(', ') || h('span', { class: 'muted' }, '–') },
  {
    label: 'Active',
    cell: (user) => h('span', { class: user.isActive ? 'tag good' : 'tag' }, user.isActive ? 'active' : 'inactive'),
  },
  { label: 'Created', sort: 'created', className: 'nowrap', cell: (user) => h('time', { datetime: user.created, title: time(user.created) }, day(user.created)) },
];

export function render({ page, heading, route }) {
  let state = read(route.query);
  let pending = null;
  const count = h('p', { class: 'count', role: 'status' });
  const results = h('div', { class: 'results' });
  const pager = h('div');
  const search = h('input', {
    type: 'search', 'aria-label': 'Search by a part of the username or email', placeholder: 'Part of a name or email',
    autocomplete: 'off', spellcheck: 'false', maxlength: 254,
  });
  const controls = { scope: word('scope', 'Scope', SCOPES), plan: word('plan', 'Plan', PLANS), vendor: word('vendor', 'Vendor', []) };
  const active = h('select', { onchange: () => change({ filters: { ...state.filters, isActive: active.value } }) },
    [['', 'all'], ['true', 'active'], ['false', 'inactive'], ['pending', 'to be confirmed']].map(([value, label]) => h('option', { value }, label)));
  const clear = button('Clear all', () => {
    change({ pattern: '', filters: Object.fromEntries(FILTERS.map((name) => [name, ''])) });
    show();
    search.focus();
  }, { kind: 'quiet' });

  function word(name, label, list) {
    const id = newId(name);
    const input = h('input', { type: 'text', id, list: `${id}-list`, autocomplete: 'off', spellcheck: 'false', placeholder: 'any', maxlength: 256 });
    input.addEventListener('input', () => later(() => change({ filters: { ...state.filters, [name]: input.value.trim() } })));
    const values = h('datalist', { id: `${id}-list` }, list.map((value) => h('option', { value })));
    return { input, element: h('div', { class: 'filter' }, h('label', { for: id }, label), input, values) };
  }

  let timer;
  function later(action) {
    clearTimeout(timer);
    timer = setTimeout(action, PAUSE);
  }

  /** Another question starts on its first page. */
  function change(part) {
    clearTimeout(timer);
    const next = { ...state, page: 1, ...part };
    if (write(next) === write(state)) return;
    state = next;
    rewrite(write(state));
    ask();
  }

  function turn(to) {
    state = { ...state, page: to };
    // A step that the browser's Back undoes.
    history.pushState(null, '', write(state));
    rewrite(write(state));
    ask();
  }

  /** The controls as the address has it. */
  function show() {
    search.value = state.pattern;
    for (const [name, { input }] of Object.entries(controls)) input.value = state.filters[name];
    active.value = ['true', 'false', 'pending'].includes(state.filters.isActive) ? state.filters.isActive : '';
  }

  async function ask() {
    pending?.abort();
    const mine = new AbortController();
    pending = mine;
    if (results.childElementCount === 0) fill(results, loading());
    results.setAttribute('aria-busy', 'true');
    clear.hidden = !state.pattern && FILTERS.every((name) => !state.filters[name]);
    const { pattern, filters, sort, limit } = state;
    const wanted = {
      pattern: pattern.trim(), sort: `${sort[0]}:${sort[1] ? 1 : -1}`, limit, offset: (state.page - 1) * limit,
      filters: Object.entries(filters).filter(([, value]) => value),
    };
    try {
      draw(await listUsers(wanted, mine.signal));
    } catch (error) {
      if (mine.signal.aborted) return;
      count.textContent = '';
      fill(pager);
      fill(results, problem(error, ask));
    }
    if (pending === mine) results.removeAttribute('aria-busy');
  }

  function draw({ users, total }) {
    const pages = Math.max(Math.ceil(total / state.limit), 1);
    if (users.length === 0 && total > 0 && state.page > pages) {
      // There were more when the address was made.
      state = { ...state, page: pages };
      rewrite(write(state));
      ask();
      return;
    }
    const first = (state.page - 1) * state.limit + 1;
    const range = total > users.length ? `, ${first.toLocaleString('en')} to ${(first + users.length - 1).toLocaleString('en')} shown` : '';
    count.textContent = `${counted(total, 'user')}${range}`;
    if (users.length === 0) {
      fill(pager);
      fill(results, clear.hidden
        ? empty('There are no users yet', 'They come by signing up, by an import, or by “New user” above.')
        : empty('Nobody matches', 'Take a filter away, or type less.'));
      return;
    }
    const sorting = document.activeElement?.dataset?.sort;
    const turning = pager.contains(document.activeElement) ? document.activeElement.dataset.turn : null;
    fill(results, makeTable({
      label: 'Users', columns: COLUMNS, rows: users, sorted: state.sort,
      onsort: (key, ascending) => change({ sort: [key, ascending] }),
    }));
    fill(pager, makePager({
      page: state.page, pages, limit: state.limit, limits: LIMITS, onpage: turn, onlimit: (limit) => change({ limit }),
    }));
    // What was pressed was replaced: the focus stays on its successor.
    if (sorting) results.querySelector(`[data-sort="${sorting}"]`)?.focus();
    if (turning) {
      const successor = pager.querySelector(`[data-turn="${turning}"]:not(:disabled)`);
      (successor ?? pager.querySelector('.jump')).focus();
    }
  }

  search.addEventListener('input', () => later(() => change({ pattern: search.value })));
  page.append(
    h('div', { class: 'head' }, heading, h('a', { class: 'button primary', href: link(['users', 'new']) }, icon('plus'), 'New user')),
    h('search', { class: 'card filters' },
      h('div', { class: 'filter grow search' }, icon('search'), search),
      Object.values(controls).map(({ element }) => element),
      h('div', { class: 'filter' }, labelled('Active', active), active),
      clear),
    count, results, pager,
  );
  show();
  ask();
  return {
    update(query) {
      state = read(query);
      show();
      ask();
    },
    leave() {
      clearTimeout(timer);
      pending?.abort();
    },
  };
}

function labelled(label, control) {
  control.id = newId('filter');
  return h('label', { for: control.id }, label);
}
