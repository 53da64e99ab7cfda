import "./styles/index.css";
import { createLifecycle } from "./lifecycle";

/**
 * The anywidget lifecycle. A factory, because a host hands `initialize` and `render` different objects for one model:
 * what the two share lives in the closure the factory makes for that model.
 */
export default createLifecycle;
