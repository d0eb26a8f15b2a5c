/** Half of the simulated seeds; the other half is in the file beside. */
import { simulateSeeds } from './seeds.js'

simulateSeeds(1, 2)
