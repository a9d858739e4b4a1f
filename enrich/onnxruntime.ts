// The Linux library gathers usage statistics and leaves `mat-debug-*.log` in the temporary folder; it looks at this variable
// when the first session is made.
process.env.ORT_DISABLE_TELEMETRY = '1';

export { InferenceSession, Tensor } from 'onnxruntime-node';
