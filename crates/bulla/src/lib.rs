//! A relay for business messaging over the Signal protocol: facade, builder and guide
