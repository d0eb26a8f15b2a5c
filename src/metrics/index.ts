/**
 * metrics: what a running job says of itself, as Prometheus reads it. It takes a status when it is asked and adds up what the observer
 * is told; it never asks an engine, and knows no clock. Loopback only. README.md here lists all names; it is written from `families.ts`.
 */
export { Metrics } from './metrics.js'
