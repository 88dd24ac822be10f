// The keys that sign and verify tokens, and their rotation.

import { api, get } from './api.js?v=VERSION';
import { confirmByTyping, openDialog } from './dialog.js?v=VERSION';
import { button, fill, h, icon } from './dom.js?v=VERSION';
import { choiceField } from './field.js?v=VERSION';
import { duration, time } from './format.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';
import { empty, notify } from './notice.js?v=VERSION';
import { makeTable } from './table.js?v=VERSION';

export const title = 'Keys';

const ALGORITHMS = [
  ['', 'as configured'],
  ['EdDSA', 'EdDSA (Ed25519): other services verify with the published key'],
  ['ES256', 'ES256 (P-256): the same, for libraries without Ed25519'],
  ['HS256', 'HS256: a secret, which only this server knows'],
];
/** Twice as long as caches keep the published set, in seconds. */
const SOON = 600;
const LOOKS = { signing: 'good', ended: 'bad', unusable: 'bad' };
/** Where each kind of key is kept. */
const SOURCES = {
  database: 'database',
  'system-configuration': 'system configuration',
  'own-secret': 'the server’s own secret',
  'previous-secret': 'a previous secret',
};

export async function render({ page, heading }) {
  let keys = await get('/keys');
  const list = h('div');

  function show() {
    fill(list, keys.length > 0 ? makeTable({ label: 'Keys', columns: COLUMNS, rows: keys }) : empty('No keys', 'The server signs with its own secret.'));
  }

  async function changed(text) {
    keys = await get('/keys');
    show();
    notify(text);
  }

  async function rotate() {
    const algorithm = choiceField({ name: 'algorithm', label: 'Algorithm', value: '', choices: ALGORITHMS });
    const activates = choiceField({
      name: 'activates', label: 'Begins to sign', value: 'default',
      choices: [['default', 'as soon as everybody can know it'], [SOON, `in ${duration(SOON)}`], ['0', 'at once'], ['3600', 'in an hour'], ['86400', 'in a day']],
      hint: 'A published key needs ten minutes until every service has fetched it. “At once” is for when a key was stolen.',
    });
    const done = await openDialog({
      title: 'Rotate the keys',
      focus: algorithm.input,
      body: (close) => [
        h('p', {}, 'A new key is made and signs from then on. Nobody is signed out: the old ones verify until every token by them has expired.'),
        makeForm({
          fields: [algorithm, activates],
          submit: 'Rotate',
          cancel: { label: 'Cancel', action: () => close(false) },
          onsubmit: async () => {
            const body = {};
            if (algorithm.value()) body.algorithm = algorithm.value();
            if (activates.value() !== 'default') body.activates = new Date(Date.now() + Number(activates.value()) * 1000).toISOString();
            await api('POST', '/keys', { body });
            close(true);
          },
        }).element,
      ],
    });
    if (done) await changed('There is a new key');
  }

  async function retire(key) {
    const word = key.id.slice(0, 8);
    const done = await confirmByTyping({
      title: 'Retire the key?',
      text: 'Every token that it has signed stops working at once, and whoever has one must sign in again. This is for a key that was stolen.',
      what: 'the beginning of the id',
      word,
      yes: 'Retire the key',
      action: () => api('DELETE', `/keys/${encodeURIComponent(key.id)}`),
    });
    if (done) await changed('The key is retired');
  }

  const moment = (iso) => (iso ? h('time', { datetime: iso, class: 'nowrap' }, time(iso)) : h('span', { class: 'muted' }, '–'));
  const COLUMNS = [
    { label: 'Id', className: 'main-cell', cell: ({ id }) => h('code', { class: 'break' }, id) },
    { label: 'Algorithm', cell: ({ algorithm }) => algorithm },
    { label: 'State', cell: ({ state }) => h('span', { class: `tag ${LOOKS[state] ?? ''}` }, state) },
    { label: 'Kept in', cell: ({ source }) => SOURCES[source] ?? source },
    { label: 'Made', cell: ({ created }) => moment(created) },
    { label: 'Signs from', cell: ({ activates }) => moment(activates) },
    { label: 'Ends', cell: ({ ends }) => moment(ends) },
    {
      label: 'Change', className: 'end', cell: change,
    },
  ];

  /** What can be done to a key: the one that signs has to be followed by another one first. */
  function change(key) {
    if (key.source === 'system-configuration') return h('a', { href: '#/config' }, 'Configuration');
    if (key.state === 'signing' || key.state === 'ended') return null;
    return button('Retire …', () => retire(key), { kind: 'quiet', 'aria-label': `Retire the key ${key.id}` });
  }

  show();
  page.append(
    h('div', { class: 'head' }, heading, button([icon('plus'), 'Rotate …'], rotate, { kind: 'primary' })),
    h('p', { class: 'muted' }, 'They sign the tokens that the server hands out, and verify them. Keys themselves are never shown. The one that signs can be retired once another one has taken its place.'),
    list,
  );
}
