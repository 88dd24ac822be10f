// “May X do Y on Z?”, answered by the code that enforces the rules.

import { api } from './api.js?v=VERSION';
import { fill, h } from './dom.js?v=VERSION';
import { choiceField, textField, wordsField } from './field.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';
import { DEEDS } from './rule-dialog.js?v=VERSION';

/** The tester of the rules of a kind, as they are saved. */
export function ruleCheck(kind, resources) {
  const user = textField({ name: 'user', label: 'User', required: false, hint: 'A username, email address or id; or roles instead:' });
  const roles = wordsField({ name: 'roles', label: 'Roles', suggestions: ['admin', 'user', 'tester', 'developer'] });
  const action = choiceField({ name: 'action', label: 'Action', value: 'read', choices: DEEDS.map((deed) => [deed, deed]) });
  const resource = textField({
    name: 'resource', label: 'Resource', required: true, list: resources.filter((name) => name !== '*'),
  });
  const attributes = wordsField({ name: 'attributes', label: 'Attributes', suggestions: ['private', 'non-private'], hint: 'Of the component, if it is private.' });
  const fields = [user, roles, action, resource, ...(kind === 'components' ? [attributes] : [])];
  const answer = h('div', { role: 'status' });
  const form = makeForm({
    fields,
    submit: 'Check',
    onsubmit: async () => {
      fill(answer);
      const name = user.value().trim();
      if (!name && roles.value().length === 0) {
        user.fail('Name a user or roles');
        user.focus();
        return;
      }
      const body = { action: action.value(), resource: resource.value().trim() };
      if (name) body.user = name;
      else body.roles = roles.value();
      if (kind === 'components' && attributes.value().length > 0) body.attributes = attributes.value();
      const { data } = await api('POST', `/acl/${kind}/check`, { body });
      fill(answer, verdict(data));
    },
  });
  return h('section', { class: 'card stack' }, h('h2', {}, 'May X do Y on Z?'),
    h('p', { class: 'muted' }, 'Answered by the rules as they are saved.'), form.element, answer);
}

function verdict({ allowed, roles, because, reason }) {
  return h('div', { class: allowed ? 'verdict good' : 'verdict bad' },
    h('strong', {}, allowed ? 'Yes, allowed' : 'No, forbidden'),
    h('p', {}, reason),
    because ? h('p', {}, 'By the rule ', h('code', { class: 'break' }, JSON.stringify(because))) : null,
    h('p', { class: 'muted' }, `Roles: ${roles.join(', ') || 'none'}`));
}
