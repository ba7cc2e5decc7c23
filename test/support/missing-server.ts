/** The reporter knows a suite that was skipped for want of its server by this part of its name. */
export const MISSING_SERVER = 'needs the server'
