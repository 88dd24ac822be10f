// The apps of the folder of connectors.

import { get } from './api.js?v=VERSION';
import { fill, h, icon, newId } from './dom.js?v=VERSION';
import { counted } from './format.js?v=VERSION';
import { empty } from './notice.js?v=VERSION';
import { link } from './router.js?v=VERSION';

export const title = 'Apps';

/** An app's picture, where it is one. It is only ever shown as an image, in which nothing runs. */
export function appIcon(source) {
  const good = typeof source === 'string' && source.startsWith('data:image/');
  return good
    ? h('img', { class: 'app-icon', src: source, alt: '', loading: 'lazy', width: 40, height: 40 })
    : h('span', { class: 'app-icon', 'aria-hidden': 'true' }, icon('apps'));
}

export async function render({ page, heading, route }) {
  const everything = route.query.get('all') === '1';
  const apps = Object.values(await get('/apps', { query: everything ? [['ignoreACL', 'true']] : [] }));
  const count = h('p', { class: 'count', role: 'status' });
  const list = h('div');
  const search = h('input', { type: 'search', 'aria-label': 'Find an app', placeholder: 'Find an app', autocomplete: 'off', oninput: () => show() });
  const all = h('input', { type: 'checkbox', id: newId('all'), onchange: () => {
    location.hash = link(['apps'], all.checked ? { all: 1 } : {});
  } });
  all.checked = everything;

  function show() {
    const wanted = search.value.trim().toLowerCase();
    const shown = apps.filter(({ name, label, category, description }) => `${name} ${label} ${category} ${description}`.toLowerCase().includes(wanted));
    count.textContent = counted(shown.length, 'app');
    fill(list, shown.length > 0
      ? h('ul', { class: 'apps' }, shown.map(card))
      : apps.length > 0
        ? empty('No app matches', 'Type less, or something else.')
        : empty('There are no apps', 'They come from the folder that apps.folder of the server’s configuration names, as far as the access rules show them.'));
  }

  function card(app) {
    return h('li', { class: 'card app' },
      appIcon(app.icon),
      h('div', {},
        h('h2', {}, h('a', { href: link(['apps', app.name], everything ? { all: 1 } : {}) }, app.label || app.name)),
        h('p', { class: 'muted break' }, app.name),
        h('p', {}, app.description),
        app.category ? h('span', { class: 'tag' }, app.category) : null));
  }

  show();
  page.append(
    heading,
    h('search', { class: 'card filters' },
      h('div', { class: 'filter grow search' }, icon('search'), search),
      h('div', { class: 'check' }, all, h('label', { for: all.id }, 'Show all, whatever the access rules say'))),
    count,
    list,
  );
}
