"""Cases: small questions with known answers, as data, put to the analyses (`make cases CASES=file`)."""
