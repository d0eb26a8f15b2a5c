/** stop: how a worker ends when the host wants it: asked first, killed after its grace. */
export * from './stop.js'
