/** Time comes from outside, so that plans and tests can choose it. */
export interface Clock {
  now(): Date;
}
