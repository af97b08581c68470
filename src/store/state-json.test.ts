import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_STATE } from '../domain/state.ts';
import { fromJson, isState, stateFromJson, stateToJson, toJson } from './state-json.ts';

test('whatever plain data, Maps and Sets hold comes back', () => {
  const { data } = fc.letrec((tie) => ({
    data: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('data'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$map', '$object', '__proto__', '$')), tie('data'), {
        maxKeys: 4,
      }),
      fc.array(fc.tuple(tie('data'), tie('data')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
      fc.array(tie('data'), { maxLength: 4 }).map((items) => new Set(items)),
    ),
  }));
  fc.assert(
    fc.property(data, (value) => {
      // The arbitrary makes objects without a prototype too; here both are the same.
      expect(fromJson(toJson(value))).toEqual(value);
      expect(toJson(fromJson(toJson(value)))).toBe(toJson(value));
    }),
    { seed: 1, numRuns: 500 },
  );
});

test.each([
  '',
  '{',
  '{"$map": 1}',
  '{"$map": [1]}',
  '{"$map": [[1]]}',
  '{"$set": {}}',
  '{"$number": "seven"}',
  '{"$object": [["a"]]}',
  '{"$other": 1}',
  '{"$number": "toString"}',
])('refuses %s', (text) => {
  expect(() => fromJson(text)).toThrow(SyntaxError);
});

test('a state is told from anything else', () => {
  expect(stateFromJson(stateToJson(EMPTY_STATE))).toEqual(EMPTY_STATE);
  expect(() => stateFromJson('{"devices":{}}')).toThrow('this is not a state');
  expect([null, [], 1, {}, { ...EMPTY_STATE, settings: 1 }].map(isState)).toEqual(Array(5).fill(false));
});

test('a key of an object cannot reach its prototype', () => {
  const value = fromJson('{"a":1,"__proto__":{"polluted":true}}') as { polluted?: boolean };
  expect(value.polluted).toBeUndefined();
  expect(Object.keys(value)).toEqual(['a', '__proto__']);
});
