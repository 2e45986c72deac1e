//! Handlers that are known by their parameters and what they read.

mod appwrite;
mod aws;
mod fission;
mod native;
mod openfaas;
mod openwhisk;
mod vercel;
