/**
 * An ONNX graph, encoded by hand: one operator isn't worth a dependency. Field numbers are those of onnx.proto; a message is a list of (field number, content).
 */
type Content = number | string | Field[];
type Field = readonly [number: number, content: Content];

const float = 1;
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
 * Bytes of the model `cosines = rows x columns^T`.
 * @param width numbers in an embedding
 * Inputs: `rows` [any, width], `columns` [any, width]. Output: `cosines` [rows, columns].
 */
export function productGraph(width: number): Uint8Array {
  return model([
    [1, node('Gemm', ['rows', 'columns'], ['cosines'], { transB: 1 })],
    [2, 'product'],
    [11, valueInfo('rows', float, ['left', width])],
    [11, valueInfo('columns', float, ['right', width])],
    [12, valueInfo('cosines', float, ['left', 'right'])],
  ]);
}
