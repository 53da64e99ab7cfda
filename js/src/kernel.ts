/**
 * The end of a kernel, where the host lets one see it. JupyterLab and Notebook close the comms of a kernel that
 * restarts, but say nothing to the widgets of one that is shut down or exchanged: their manager's kernel is disposed.
 */
import { isObject } from "./validate";

interface Disposed {
  connect(slot: () => void): unknown;
  disconnect(slot: () => void): unknown;
}

const isSignal = (value: unknown): value is Disposed =>
  isObject(value) && typeof value.connect === "function" && typeof value.disconnect === "function";

/** Calls `ended` when the kernel of this widget manager is gone for good; elsewhere than in Jupyter it never does. */
export function onKernelEnd(manager: unknown, ended: () => void): () => void {
  const kernel = isObject(manager) ? manager.kernel : undefined;
  const disposed = isObject(kernel) ? kernel.disposed : undefined;
  if (!isSignal(disposed)) return () => {};
  disposed.connect(ended);
  return () => void disposed.disconnect(ended);
}
