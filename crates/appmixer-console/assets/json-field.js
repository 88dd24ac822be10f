// A field for JSON, which says while one types in which line it is wrong.

import { button, h } from './dom.js?v=VERSION';
import { textField } from './field.js?v=VERSION';
import { jsonBytes, number } from './format.js?v=VERSION';
import { describeMistake } from './json.js?v=VERSION';

const WAIT = 300;

/** `onlyObject` refuses everything else, and `most` is how many bytes it may have when it is compact. */
export function jsonField({ name, label, hint, value, onlyObject = false, most, rows = 8, required }) {
  const field = textField({
    name, label, hint, rows, required, mono: true, value: value === undefined ? '' : JSON.stringify(value, null, 2), verify,
  });
  const size = h('span', { class: 'muted' });
  const tidy = button('Format', () => {
    if (field.check()) field.set(JSON.stringify(JSON.parse(field.value()), null, 2));
  }, { kind: 'quiet' });
  field.input.after(h('div', { class: 'under' }, tidy, size));

  function verify(text) {
    const wrong = describeMistake(text);
    if (wrong) return wrong;
    const parsed = JSON.parse(text);
    if (onlyObject && (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))) {
      return 'Must be an object: { … }';
    }
    if (most && jsonBytes(parsed) > most) {
      return `Has ${number(jsonBytes(parsed))} bytes, and may have ${number(most)}`;
    }
    return null;
  }

  function tell() {
    field.fail(null);
    const wrong = verify(field.value());
    if (wrong) field.fail(wrong);
    measure();
  }

  function measure() {
    const good = most && describeMistake(field.value()) === null;
    size.textContent = good ? `${number(jsonBytes(JSON.parse(field.value())))} of ${number(most)} bytes` : '';
  }

  let timer;
  field.input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(tell, WAIT);
  });
  measure();
  return {
    ...field,
    /** What it says, where it is good; how it is written makes no difference. */
    value() {
      return describeMistake(field.value()) === null ? JSON.parse(field.value()) : field.value();
    },
    set(parsed) {
      field.set(JSON.stringify(parsed, null, 2));
      field.fail(null);
      measure();
    },
  };
}
