/**
 * The ONNX graph `values, indices = TopK(centers x posts^T, k)`, encoded by hand: two operators aren't worth a
 * dependency. Field numbers are those of onnx.proto; a message is a list of (field number, content).
 */
type Content = number | string | Field[];
type Field = readonly [number: number, content: Content];

const float = 1;
const int64 = 7;
const intAttribute = 2;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

function encode(fields: readonly Field[]): number[] {
  return fields.flatMap(([number, content]) => {
    if (typeof content === 'number') return [...varint(number * 8), ...varint(content)];
    const bytes = typeof content === 'string' ? [...Buffer.from(content, 'utf8')] : encode(content);
    return [...varint(number * 8 + 2), ...varint(bytes.length), ...bytes];
  });
}

/** A tensor's name, element type and dimensions; a dimension that is a word may be of any size. */
const valueInfo = (name: string, elementType: number, dimensions: readonly (number | string)[]): Field[] => [
  [1, name],
  [
    2,
    [
      [
        1,
        [
          [1, elementType],
          [2, dimensions.map((size): Field => [1, typeof size === 'number' ? [[1, size]] : [[2, size]]])],
        ],
      ],
    ],
  ],
];

const node = (
  type: string,
  inputs: string[],
  outputs: string[],
  attributes: Record<string, number>,
): Field[] => [
  ...inputs.map((name): Field => [1, name]),
  ...outputs.map((name): Field => [2, name]),
  [4, type],
  ...Object.entries(attributes).map(([name, value]): Field => [
    5,
    [
      [1, name],
      [3, value],
      [20, intAttribute],
    ],
  ]),
];

const model = (graph: Field[]): Uint8Array =>
  Uint8Array.from(
    encode([
      [1, 8], // IR version
      [8, [[2, 13]]], // operator set
      [7, graph],
    ]),
  );

/**
 * Bytes of the model `cosines = posts x posts^T`.
 * @param width numbers in an embedding
 * Input: `posts` [any, width]. Output: `cosines` [any, any].
 */
export function productGraph(width: number): Uint8Array {
  return model([
    [1, node('Gemm', ['posts', 'posts'], ['cosines'], { transB: 1 })],
    [2, 'product'],
    [11, valueInfo('posts', float, ['candidates', width])],
    [12, valueInfo('cosines', float, ['candidates', 'candidates'])],
  ]);
}

/**
 * Bytes of the model.
 * @param width numbers in an embedding
 * Inputs: `centers` [any, width], `posts` [any, width], `k` [1]. Outputs: `values` and `indices` [centers, k], best
 * first; of equal values the lower index first.
 */
export function matrixGraph(width: number): Uint8Array {
  return model([
    [1, node('Gemm', ['centers', 'posts'], ['cosines'], { transB: 1 })],
    [1, node('TopK', ['cosines', 'k'], ['values', 'indices'], { axis: 1, largest: 1, sorted: 1 })],
    [2, 'nearest'],
    [11, valueInfo('centers', float, ['participants', width])],
    [11, valueInfo('posts', float, ['block', width])],
    [11, valueInfo('k', int64, [1])],
    [12, valueInfo('values', float, ['participants', 'nearest'])],
    [12, valueInfo('indices', int64, ['participants', 'nearest'])],
  ]);
}
