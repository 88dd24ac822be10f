// The head of a group of keys: whether it works, as the server says, and what an administrator should set.

import { h } from './dom.js?v=VERSION';
import { counted, number, time } from './format.js?v=VERSION';

const TITLES = { 'sign-up': 'Sign-up', mail: 'Mail', webhooks: 'Webhooks', tokens: 'Tokens' };

/** What a group is called; one that a newer server has, by its own name. */
export const titleOf = (group) => TITLES[group] ?? group;

/** The state of a group; `set` of its `all` keys have a value. */
export function stateOf({ warnings, deliveries }, set, all) {
  return h('div', { class: 'stack' },
    h('p', { class: 'row' },
      h('span', { class: set > 0 ? 'tag accent' : 'tag' }, `${number(set)} of ${counted(all, 'key')} set`),
      warnings.length > 0 ? h('span', { class: 'tag bad' }, counted(warnings.length, 'warning')) : null),
    deliveries ? deliveryFacts(deliveries) : null,
    warnings.length > 0
      ? h('ul', { class: 'problem' }, warnings.map(({ key, message }) => h('li', {}, h('strong', {}, key), ': ', message)))
      : null);
}

function deliveryFacts({ waiting, lastDelivery, lastError }) {
  const never = h('span', { class: 'muted' }, 'none since this node started');
  const moment = (iso) => h('time', { datetime: iso }, time(iso));
  return h('dl', { class: 'card facts deliveries' },
    fact('Waiting', counted(waiting, 'message')),
    fact('Last delivery', lastDelivery ? moment(lastDelivery) : never),
    fact('Last error', lastError
      ? [moment(lastError.time), h('span', { class: 'break' }, ` ${lastError.channel}: ${lastError.message}`)]
      : never.cloneNode(true)));
}

const fact = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));

