/** The package as it was built: for tests whose other processes run it too. */
export { Celery, createLogger } from 'celeriac'
export { silentLogger } from '../../src/util/logger.ts'
