// Editing one access rule.

import { openDialog } from './dialog.js?v=VERSION';
import { fill, h, newId } from './dom.js?v=VERSION';
import { textField, wordsField } from './field.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';
import { SCOPES } from './users-api.js?v=VERSION';

export const DEEDS = ['read', 'create', 'update', 'delete'];
const CHOICES = [['', 'not said'], ['allow', 'allowed'], ['deny', 'forbidden']];

/** What each deed is: all that is not forbidden at once, or said one by one. */
function actionField(value) {
  const error = h('p', { class: 'field-error' });
  const all = h('input', { type: 'checkbox', id: newId('all') });
  all.checked = value.includes('*');
  const rows = DEEDS.map((deed) => {
    const id = newId(deed);
    const choice = h('select', { id }, CHOICES.map(([kind, label]) => h('option', { value: kind }, label)));
    choice.value = value.includes(`!${deed}`) ? 'deny' : value.includes(deed) ? 'allow' : '';
    return { deed, choice, element: h('div', { class: 'filter' }, h('label', { for: id }, deed), choice) };
  });
  const element = h('fieldset', { class: 'field' }, h('legend', {}, 'Actions'),
    h('div', { class: 'check' }, all, h('label', { for: all.id }, 'Everything (*), but for what is forbidden below')),
    h('div', { class: 'deeds' }, rows.map((row) => row.element)), error);
  const read = () => {
    const said = rows.filter(({ choice }) => choice.value !== '').map(({ deed, choice }) => (choice.value === 'deny' ? `!${deed}` : deed));
    return all.checked ? ['*', ...said] : said;
  };
  return {
    name: 'action',
    element,
    value: read,
    fail: (message) => fill(error, message),
    focus: () => all.focus(),
    check() {
      if (read().length > 0) return true;
      fill(error, 'Say something about at least one action');
      return false;
    },
  };
}

/** Opens the editor; resolves with the rule as it is wanted, or `undefined`. */
export function editRule({ rule, kind, resources, problems = [] }) {
  const start = rule ?? { role: '', resource: '', action: ['*'], attributes: kind === 'components' ? ['non-private'] : ['*'] };
  const fields = [
    textField({
      name: 'role', label: 'Role', value: start.role, required: true, list: ['*', ...SCOPES],
      hint: 'A scope such as admin or scope:flows.read, an address, a domain such as acme.com or @acme, or * for every user.',
    }),
    textField({
      name: 'resource', label: 'Resource', value: start.resource, required: true, list: resources,
      hint: kind === 'routes' ? 'The first part of a path, as flows; * is all.' : 'A component, or the beginning of names and a *, as in appmixer.google*.',
    }),
    actionField(start.action),
    wordsField({
      name: 'attributes', label: 'Attributes', value: start.attributes, suggestions: ['*', 'non-private', 'private'],
      hint: kind === 'components' ? 'private or * shows private components too; none is non-private.' : 'What the rule says besides.',
    }),
  ];
  for (const { path, message } of problems) fields.find(({ name }) => path.includes(`.${name}`))?.fail(message);
  let form;
  return openDialog({
    title: rule ? 'Edit the rule' : 'New rule',
    focus: fields[0].input,
    mayClose: () => !form.isChanged(),
    body: (close) => {
      form = makeForm({
        fields,
        submit: 'Take over',
        cancel: { label: 'Cancel', action: () => close(undefined) },
        onsubmit: async () => close(Object.fromEntries(fields.map(({ name, value }) => {
          const now = value();
          return [name, typeof now === 'string' ? now.trim() : now];
        }))),
      });
      return [form.element];
    },
  });
}
